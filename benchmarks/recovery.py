"""How soon a killed worker's tasks are taken up: `python -m benchmarks.recovery [--seconds N]`.

Workers (prefork, two children each) on a Redis of our own are killed by SIGKILL one after the
other, about one a second, under a steady load; each is replaced at once. Half of the tasks
acknowledge late and must all be done; the others are done or recorded as lost. Recovery is the
time from a kill until another worker had a task that was held there. With `--broker rabbitmq` the
messages are on a RabbitMQ of our own, and that Redis has the results and the ledger.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.redis.load import Load
from tests.integration.redis.private import KEEPING, server
from tests.servers.processes import eventually
from tests.servers.rabbitmq import RabbitMQ

#: Seconds, but for the numbers of workers and of the seed.
LEASE, SECONDS, WORKERS, SEED, PAUSE, TASK = 15.0, 60.0, 3, 1, 0.02, 0.1


def main() -> None:
    """Measure once, as asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--lease", type=float, default=LEASE)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two tasks")
    parser.add_argument("--task", type=float, default=TASK, help="seconds that a task takes")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    asked = parser.parse_args()
    found = measure(**vars(asked))
    sys.stdout.write(json.dumps(found) + "\n")


def usual(broker: str) -> dict[str, object]:
    """Measure a minute of kills under the usual lease."""
    told = {"seconds": SECONDS, "lease": LEASE, "pause": PAUSE, "task": TASK}
    return measure(broker=broker, workers=WORKERS, seed=SEED, **told)


def measure(
    *,
    broker: str,
    seconds: float,
    lease: float,
    workers: int,
    seed: int,
    pause: float,
    task: float,
) -> dict[str, object]:
    """Kill workers for so many seconds; return what became of the tasks, and the times."""
    chance = random.Random(seed)
    with (
        stores(broker) as settings,
        tempfile.TemporaryDirectory() as folder,
        Load(folder, settings, lease=lease) as load,
    ):
        for _ in range(workers):
            load.until_ready(load.worker())
        load.begin(pause=pause, seconds=task)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(chance.uniform(0.7, 1.3))
            ready = [worker for worker in load.workers if worker.poll() is None]
            load.worker()
            load.kill(chance.choice(ready))
        load.end()
        load.until_all_are_over(lease * 2 + 60)
        return {
            "tasks": len(load.sent.accepted),
            "refused": load.sent.refused,
            "kills": len(load.kills),
            "ends": dict(load.ends()),
            **percentiles(load.recoveries()),
        }


@contextmanager
def stores(broker: str) -> Iterator[dict[str, str]]:
    """Run servers of our own; yield the settings that name them."""
    with server(*KEEPING) as redis:
        if broker == "redis":
            yield {"broker_url": redis.url, "result_backend": redis.url}
            return
        rabbitmq = RabbitMQ()
        node = rabbitmq.start()
        try:
            eventually(lambda: rabbitmq.check(node.url), "rabbitmq")
            yield {"broker_url": f"{node.url}//", "result_backend": redis.url}
        finally:
            node.stop()


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return how many there are, and the middle, the hundredth part from the end, the last."""
    if not seconds:
        return {"hit": 0}
    count = len(seconds)
    at = {"p50_s": count // 2, "p99_s": min(count - 1, count * 99 // 100), "max_s": count - 1}
    return {"hit": count, **{name: round(seconds[place], 2) for name, place in at.items()}}


if __name__ == "__main__":
    main()
