"""Celery's workload: that of celeriac, with what Celery's users have for it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from celery import Celery, chain, chord, group

from benchmarks import counter


def make(name: str, module: str, url: str, *, results: bool = True) -> Any:
    """Return what a peer module needs."""
    app = Celery("bench", broker=url, backend=url if results else "disabled://")
    app.conf.update(
        task_default_queue="bench",
        task_ignore_result=not results,
        broker_connection_retry_on_startup=True,
    )

    @app.task(name="bench.noop")
    def noop(i: int) -> None:
        counter.bump()

    @app.task(name="bench.inc")
    def inc(i: int) -> int:
        return i + 1

    @app.task(name="bench.total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    def call() -> None:
        noop.delay(0)

    def enqueue(n: int) -> None:
        """One call after the other: Celery has no batches."""
        for i in range(n):
            noop.delay(i)

    def roundtrip() -> None:
        noop.delay(0).get(timeout=30)

    def canvas() -> dict[str, Callable[[], Any]]:
        return {
            "chord_1000": lambda: chord([inc.s(i) for i in range(1000)])(total.s()),
            "chain_100": lambda: chain(inc.s(0), *[inc.s() for _ in range(99)])(),
            "group_1000": lambda: group([inc.s(i) for i in range(1000)])(),
        }

    worker = ["-m", "celery", "-A", f"{module}:app", "worker", "-l", "WARNING", "-c", "2"]
    # What costs it time beside the tasks.
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return SimpleNamespace(
        app=app,
        NAME=name,
        WORKER=worker,
        reset=app.control.purge,
        call=call,
        enqueue=enqueue,
        roundtrip=roundtrip,
        canvas=canvas,
    )
