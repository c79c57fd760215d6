"""No task costs its worker the lease, however long it keeps the interpreter to itself.

Another worker stands by that would adopt what the first one holds, the moment its lease ran out.
"""

import time

import pytest

from tests.integration.cli.running import PATIENCE, Place
from tests.integration.pools.conftest import POOLS, worker_of

LEASE, HOLD = 2.0, 5.0
#: Beside these a process stands by, which has half a lease to import what it needs.
GUARDED = {"threads": (6.0, 8.0), "solo": (6.0, 8.0)}


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_never_lets_go_of_the_interpreter_does_not_cost_the_lease(
    zoo: Place, pool: str
):
    lease, hold = GUARDED.get(pool, (LEASE, HOLD))
    worker = worker_of(zoo, pool, "--", f"worker_lease={lease}")
    zoo.app.broker.enlist("heir", 60.0)

    held = zoo.app.send_task("zoo.hold_the_gil", (hold,))
    adopted = []
    ends = time.monotonic() + hold + PATIENCE
    while held.state == "PENDING" and time.monotonic() < ends:
        adopted += zoo.app.broker.recover(["celery"])
        time.sleep(0.1)

    assert held.get(timeout=1) >= hold
    assert adopted == []
    assert "was lost" not in worker.output
    assert worker.stop() == 0
