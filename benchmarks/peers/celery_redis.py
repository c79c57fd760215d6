"""Celery, for what it costs to import and to idle; its Redis need not be there for either."""

import os

from celery import Celery

from benchmarks import counter

NAME = "Celery, prefork 2"
WORKER = ["-m", "celery", "-A", f"{__name__}:app", "worker", "-l", "WARNING", "-c", "2"]
app = Celery("bench", broker=os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/15"))
app.conf.update(task_default_queue="bench", broker_connection_retry_on_startup=True)


@app.task(name="bench.noop")
def noop(i: int) -> None:
    """Count."""
    counter.bump()


def reset() -> None:
    """Empty the queue."""
    app.control.purge()


def enqueue(n: int) -> None:
    """One call after the other."""
    for i in range(n):
        noop.delay(i)
