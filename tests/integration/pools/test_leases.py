"""No task costs its worker the lease, however long it keeps the interpreter to itself.

Another worker stands by that would adopt what the first one holds, the moment its lease ran out.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.running import PATIENCE, Place

ZOO = Path(__file__).with_name("zoo.py")
LEASE, HOLD = 2.0, 5.0

POOLS = {
    "prefork": ("-P", "prefork"),
    "spawn": ("-P", "prefork", "--pool-start-method", "spawn"),
    "threads": ("-P", "threads"),
    "solo": ("-P", "solo"),
    "asyncio": ("-P", "asyncio"),
    "gevent": ("-P", "gevent"),
    "eventlet": ("-P", "eventlet"),
}


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Place]:
    shutil.copy(ZOO, tmp_path / "zoo.py")
    place = Place(tmp_path)
    try:
        yield place
    finally:
        place.close()
        left = place.left_over()
    assert left == []


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_never_lets_go_of_the_interpreter_does_not_cost_the_lease(
    zoo: Place, pool: str
):
    words = ("-A", "zoo", "worker", "-l", "INFO", "-c", "2", *POOLS[pool])
    worker = zoo.start(*words, "--", f"worker_lease={LEASE}")
    worker.until_it_says(" ready.")
    zoo.app.broker.enlist("heir", 60.0)

    held = zoo.app.send_task("zoo.hold_the_gil", (HOLD,))
    adopted = []
    ends = time.monotonic() + HOLD + PATIENCE
    while held.state == "PENDING" and time.monotonic() < ends:
        adopted += zoo.app.broker.recover(["celery"])
        time.sleep(0.1)

    assert held.get(timeout=1) >= HOLD
    assert adopted == []
    assert "was lost" not in worker.output
    assert worker.stop() == 0
