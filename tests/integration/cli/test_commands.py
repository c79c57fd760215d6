"""The other commands, as programs beside a worker."""

import json

from tests.integration.cli.running import Place, eventually

TIMED = """
from shop import app

app.conf.beat_schedule = {"often": {"task": "shop.nap", "schedule": 0.5, "args": ("tick", 0)}}
"""


def test_a_task_is_called_and_its_result_printed(place: Place):
    place.worker("-c", "1")

    called = place.run("-A", "shop", "call", "shop.add", "-a", "[2, 3]")
    printed = place.run("-A", "shop", "result", called.stdout.strip())

    assert (called.returncode, printed.returncode, printed.stdout) == (0, 0, "5\n")


def test_the_result_of_a_failed_task_is_its_traceback_and_code_one(place: Place):
    place.worker("-c", "1")
    failed = place.send("fail")

    printed = place.run("-A", "shop", "result", failed.id)

    assert (printed.returncode, printed.stdout) == (1, "")
    assert 'raise ValueError("this shop is closed")' in printed.stderr


def test_status_counts_the_workers_that_answer(place: Place):
    for name in ("one", "two"):
        place.worker("-c", "1", "-n", f"{name}@here")

    told = place.run("-A", "shop", "status")
    asked = place.run("-A", "shop", "status", "--json", "-d", "two@here")

    assert told.stdout == "one@here: OK\ntwo@here: OK\n\n2 nodes online.\n"
    assert json.loads(asked.stdout) == {"two@here": {"ok": "pong"}}


def test_status_without_workers_ends_with_69(place: Place):
    told = place.run("-A", "shop", "status", "-t", "0.2")

    assert (told.returncode, told.stdout) == (69, "")
    assert "no worker answered" in told.stderr


def test_beat_sends_what_is_due_until_it_is_stopped(place: Place):
    (place.folder / "timed.py").write_text(TIMED)
    place.worker("-c", "1")

    beat = place.start("-A", "timed", "beat", "-l", "INFO")
    place.until_begun("tick", times=2)

    assert beat.stop() == 0, str(beat)


def test_a_worker_can_be_its_own_beat(place: Place):
    (place.folder / "timed.py").write_text(TIMED)

    worker = place.start("-A", "timed", "worker", "-B", "-c", "1", "-l", "INFO")
    place.until_begun("tick", times=2)

    assert worker.stop() == 0
    eventually(lambda: "stopped." in worker.output, lambda: str(worker))
