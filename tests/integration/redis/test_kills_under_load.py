"""Workers are killed one after the other under load: every task is done or accounted for."""

from __future__ import annotations

import os
import random
from time import monotonic, sleep

from tests.integration.redis.load import Load
from tests.integration.redis.private import KEEPING, needs_redis_server, server

pytestmark = needs_redis_server
LEASE = 2
#: Seconds beyond the lease within which a dead worker's tasks are taken up.
GRACE = 5
KILLS = 10
SEED = int(os.environ.get("CELERIAC_TEST_SEED", "20"))


def test_every_task_is_accounted_for_while_workers_are_killed_every_second(tmp_path):
    chance = random.Random(SEED)
    with server(*KEEPING) as one:
        settings = {"broker_url": one.url, "result_backend": one.url}
        with Load(tmp_path, settings, lease=LEASE) as load:
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
    assert load.sent.refused == 0
    assert ends["late SUCCESS"] == late
    assert set(ends) <= {"late SUCCESS", "early SUCCESS", "early FAILURE WorkerLostError"}
    assert repeated == []
    assert recoveries, f"no kill hit a running task; seed {SEED}"
    assert recoveries[-1] <= LEASE + GRACE, f"{recoveries}; seed {SEED}"
