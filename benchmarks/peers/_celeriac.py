"""celeriac's workload, whatever its store."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks import counter
from celeriac import Celeriac, chain, chord, group


def make(name: str, module: str, url: str, *worker: str, results: bool = True) -> Any:
    """Return what a peer module needs."""
    backend = url if results else "disabled://"
    app = Celeriac("bench", broker=url, backend=backend, task_default_queue="bench")
    app.conf.update(task_ignore_result=not results)

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
        app.publish_many((noop.s(i) for i in range(n)), batch=1000)

    def roundtrip() -> None:
        noop.delay(0).get(timeout=30)

    def canvas() -> dict[str, Callable[[], Any]]:
        return {
            "chord_1000": lambda: chord([inc.s(i) for i in range(1000)])(total.s()),
            "chain_100": lambda: chain(inc.s(0), *[inc.s() for _ in range(99)])(),
            "group_1000": lambda: group([inc.s(i) for i in range(1000)])(),
        }

    return SimpleNamespace(
        app=app,
        NAME=name,
        WORKER=["-m", "celeriac", "-A", f"{module}:app", "worker", "-l", "WARNING", *worker],
        reset=lambda: app.broker.purge(["bench"]),
        call=call,
        enqueue=enqueue,
        roundtrip=roundtrip,
        canvas=canvas,
    )
