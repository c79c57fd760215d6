"""What a worker remembers of its former life."""

import os
import signal

from celeriac.domain.tasks import states
from tests.integration.cli.running import Place, eventually


def known(place: Place, id_: str) -> bool:
    answers = place.app.control.inspect(timeout=5.0).revoked() or {}
    return any(id_ in ids for ids in answers.values())


def test_a_task_revoked_before_a_restart_is_not_run_after_it(place: Place):
    worker = place.worker("-c", "1", "-n", "w@here", "--statedb", "run/%n.state")
    place.app.control.revoke("never", reply=True, timeout=5.0)
    assert worker.stop() == 0
    assert list((place.folder / "run").glob("w.state*"))

    place.worker("-c", "1", "-n", "w@here", "--statedb", "run/%n.state")

    result = place.app.send_task("shop.nap", ("never", 0.0), task_id="never")
    assert place.send("add", 1, 1).get(timeout=20) == 2
    eventually(lambda: result.state == states.REVOKED, lambda: result.state)
    assert place.marks() == []


def test_what_was_revoked_is_known_even_if_the_worker_is_killed(place: Place):
    words = ("-c", "1", "--statedb", "w.state", "--", "worker_lease=1.5")
    worker = place.start("-A", "shop", "worker", "-l", "INFO", *words)
    worker.until_it_says(" ready.")
    place.app.control.revoke("never", reply=True, timeout=5.0)
    eventually(lambda: list(place.folder.glob("w.state*")) != [], worker.__str__)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.exit_code()

    place.start("-A", "shop", "worker", "-l", "INFO", *words).until_it_says(" ready.")

    assert known(place, "never")


def test_a_broken_file_costs_the_memory_and_not_the_worker(place: Place):
    (place.folder / "w.state").write_bytes(b"a shopping list\n" * 50)

    worker = place.worker("-c", "1", "--statedb", "w.state")

    assert "w.state': cannot be read" in worker.output
    assert place.send("add", 2, 3).get(timeout=20) == 5
