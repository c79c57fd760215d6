"""`celeriac logtool` over what a real worker has written."""

import pytest

from tests.integration.cli.running import Place


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_a_worker_logs_is_understood(place: Place, style: str):
    words = ("-A", "shop", "worker", "-l", "INFO", "-P", "solo", "--log-format", style)
    worker = place.start(*words)
    worker.until_it_says(" ready.")
    results = [place.send("add", 1, 2), place.send("fail"), place.send("add", 3, 4)]
    for result in results:
        result.get(timeout=20, propagate=False)
    worker.until_it_says(f"{results[-1].id}] succeeded")
    assert worker.stop() == 0
    (place.folder / "worker.log").write_text(worker.output)

    said = {
        name: place.run("logtool", name, "worker.log").stdout
        for name in ("stats", "traces", "errors", "incomplete", "debug")
    }

    assert "Task total: 3\nTask errors: 1\nTask success: 2\nTask completed: 3\n" in said["stats"]
    assert "shop.add: 2\nshop.fail: 1\n" in said["stats"]
    assert said["traces"].startswith("Traceback (most recent call last):")
    assert said["traces"].endswith("ValueError: this shop is closed\n")
    assert said["errors"].count("\n") == 1
    assert results[1].id in said["errors"]
    assert said["incomplete"] == ""
    assert " ready." in said["debug"]
    assert not [result.id for result in results if result.id in said["debug"]]
