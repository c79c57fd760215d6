"""Workers that are killed one after the other under load, and the account of every task."""

from __future__ import annotations

import os
import random
from time import monotonic, sleep

from tests.integration.redis.load import Load

LEASE = 2
#: Seconds beyond the lease within which a dead worker's tasks are taken up.
GRACE = 5
KILLS = 10
SEED = int(os.environ.get("CELERIAC_TEST_SEED", "20"))


def assert_all_is_accounted_for_while_workers_are_killed_every_second(folder, settings):
    """Kill a worker a second under load; late tasks succeed, early ones are lost at the worst."""
    chance = random.Random(SEED)
    with Load(folder, settings, lease=LEASE) as load:
        load.until_ready(load.worker())
        load.until_ready(load.worker())
        load.begin(pause=0.02, seconds=0.08)

        for _ in range(KILLS):
            due = monotonic() + chance.uniform(0.7, 1.3)
            sleep(max(0.0, due - monotonic()))
            alive = [worker for worker in load.workers if worker.poll() is None]
            load.worker()
            load.kill(chance.choice(alive))

        load.end()
        load.until_all_are_over()
        ends, recoveries, repeated = load.ends(), load.recoveries(), load.repeated()

    late = sum(kind == "late" for kind in load.sent.accepted.values())
    assert load.sent.refused == 0, f"{load.sent.refused} were refused"
    assert ends["late SUCCESS"] == late, f"of {late} late ones: {ends}"
    known = {"late SUCCESS", "early SUCCESS", "early FAILURE WorkerLostError"}
    assert set(ends) <= known, f"{ends}; seed {SEED}"
    assert repeated == [], f"{repeated}; seed {SEED}"
    assert recoveries, f"no kill hit a running task; seed {SEED}"
    assert recoveries[-1] <= LEASE + GRACE, f"{recoveries}; seed {SEED}"
