"""What comes out of a worker's log."""

import json

from tests.integration.cli.running import Place


def test_every_line_of_a_json_log_is_an_object_that_names_its_task(place: Place):
    worker = place.start("-A", "shop", "worker", "-c", "1", "-l", "INFO", "--log-format", "json")
    worker.until_it_says(" ready.")
    result = place.send("fail")
    result.get(timeout=20, propagate=False)
    said = place.send("say", "hello")
    said.get(timeout=20)

    assert worker.stop() == 0

    lines = [json.loads(line) for line in worker.output.splitlines()]
    assert all({"time", "level", "logger", "message", "process"} <= set(line) for line in lines)
    failed = next(line for line in lines if line["level"] == "ERROR")
    assert (failed["task_name"], failed["task_id"]) == ("shop.fail", result.id)
    assert failed["message"].endswith("raised ValueError('this shop is closed')")
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    printed = next(line for line in lines if line["message"] == "hello")
    assert (printed["level"], printed["task_id"]) == ("WARNING", said.id)
    assert printed["process"] == "celeriac-child-1"


def test_each_process_has_a_log_file_of_its_own_if_the_name_asks_for_it(place: Place):
    worker = place.start("-A", "shop", "worker", "-c", "1", "-n", "w", "-f", "logs/%n%I.log")
    place.send("say", "hello").get(timeout=20)

    assert worker.stop() == 0

    assert "hello" in (place.folder / "logs" / "w-1.log").read_text()
    assert "hello" not in (place.folder / "logs" / "w.log").read_text()


def test_what_tasks_print_can_be_left_alone(place: Place):
    worker = place.worker("-c", "1", "--", "redirect_stdouts=0")
    place.send("say", "hello").get(timeout=20)

    assert worker.stop() == 0

    assert "hello" in worker.output.splitlines()
