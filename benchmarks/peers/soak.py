"""The app of benchmarks.soak: each task marks its number in a ledger that all processes map."""

import mmap
import os
from pathlib import Path
from typing import Any

from celeriac import Celeriac

#: Seconds that a result is kept. Short, so that what should go does go while we look.
EXPIRES = 300

_url = os.environ["BENCH_SOAK"]
app = Celeriac("soak", broker=_url, backend=_url, task_default_queue="soak")
app.conf.update(result_expires=EXPIRES, worker_send_task_events=True, task_send_sent_event=True)
_ledger: mmap.mmap | None = None


def ledger() -> mmap.mmap:
    """Return one byte for each number: how often a task with that number was begun."""
    global _ledger
    if _ledger is None:
        with (Path(os.environ["BENCH_DIR"]) / "ledger").open("r+b") as file:
            _ledger = mmap.mmap(file.fileno(), 0)
    return _ledger


def mark(number: int) -> None:
    """Note that a task was begun. No two begin at once with the same number."""
    ledger()[number] += 1


@app.task(name="soak.plain")
def plain(number: int, text: str = "") -> str:
    """Return what came."""
    mark(number)
    return text


@app.task(name="soak.limited", soft_time_limit=20, time_limit=30, acks_late=True)
def limited(number: int) -> int:
    """Be watched by limits that are never met."""
    mark(number)
    return number


@app.task(name="soak.retried", bind=True, max_retries=3)
def retried(self: Any, number: int) -> int:
    """End well when run again, a second later."""
    mark(number)
    if not self.request.retries:
        raise self.retry(countdown=1)
    return number


@app.task(name="soak.failing")
def failing(number: int) -> None:
    """Fail."""
    mark(number)
    raise ValueError(f"number {number} fails, as it should")


@app.task(name="soak.step")
def step(total: int, number: int) -> int:
    """Be a link of a chain, or a part of a chord: return one more than what came."""
    mark(number)
    return total + 1


@app.task(name="soak.total")
def total(parts: list[int], number: int) -> int:
    """Be the body of a chord."""
    mark(number)
    return sum(parts)
