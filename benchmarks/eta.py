"""What tasks that are due in an hour cost a worker: `python -m benchmarks eta`.

The worker (two children) has run one task and waits. Then many calls with a countdown are sent,
by celeriac's client or by Celery's, which leaves it to the worker to put them off. When the worker
is at rest again, its processes' own memory (USS) is compared with before.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import counter, memory, processes
from .tables import Row, table

#: Seconds until the tasks are due; a while that a worker at rest is looked at; and the most that
#: it may take to come to rest.
COUNTDOWN, WHILE, PATIENCE = 3600, 3.0, 600.0
#: The part of a core that a worker at rest may use.
AT_REST: Final = 0.05


class Case(NamedTuple):
    """A worker, who sends to it, and how many tasks."""

    worker: str
    sender: str
    count: int


CASES: Final = {
    "celeriac SQLite": Case("celeriac_sqlite", "celeriac_sqlite", 100_000),
    "celeriac Redis": Case("celeriac_redis", "celeriac_redis", 100_000),
    "celeriac Redis, Celery sends": Case("celeriac_redis", "celery_redis", 100_000),
    "Celery Redis": Case("celery_redis", "celery_redis", 10_000),
}

Surroundings = Callable[[str], AbstractContextManager[Path]]


def measure(reps: int, surroundings: Surroundings) -> None:
    """Print what pending tasks add to each worker."""
    rows: dict[str, list[Row]] = {name: [] for name in CASES}
    for _ in range(reps):
        for name, case in CASES.items():
            with surroundings(case.worker) as folder:
                rows[name].append(_once(case, folder))
    table(rows, "bytes_each")


def _once(case: Case, folder: Path) -> Row:
    words = _client(case.worker, "1", "0")["worker"]
    with processes.worker(words, folder) as pid:
        _until(lambda: counter.read()[0] == 1)
        _until_at_rest(pid)
        before = _own(pid)
        _client(case.sender, str(case.count), str(COUNTDOWN))
        _until_at_rest(pid)
        added = _own(pid) - before
    return {"added_mb": added, "bytes_each": added * 1e6 / case.count, "tasks": float(case.count)}


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(f"this did not come within {PATIENCE:.0f} s")
        time.sleep(0.05)


def _own(leader: int) -> float:
    return sum(memory.look(pid, 0.0).uss for pid in processes.session(leader))


def _until_at_rest(leader: int) -> None:
    def at_rest() -> bool:
        before = processes.cpu_seconds(leader)
        time.sleep(WHILE)
        return processes.cpu_seconds(leader) - before < AT_REST * WHILE

    _until(at_rest)


def _client(peer: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, peer, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Send: `python -m benchmarks.eta PEER COUNT COUNTDOWN`."""
    name, count, countdown = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    peer: Any = importlib.import_module(f"benchmarks.peers.{name}")
    noop = peer.app.tasks["bench.noop"]
    if hasattr(peer.app, "publish_many"):
        peer.app.publish_many(noop.s(i).set(countdown=countdown) for i in range(count))
    else:
        for i in range(count):
            noop.apply_async((i,), countdown=countdown)
    sys.stdout.write("\n" + json.dumps({"worker": peer.WORKER}) + "\n")


if __name__ == "__main__":
    main()
