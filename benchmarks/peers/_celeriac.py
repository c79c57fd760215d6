"""celeriac's workload, whatever its store."""

from types import SimpleNamespace
from typing import Any

from benchmarks import counter
from celeriac import Celeriac


def make(name: str, module: str, url: str, *worker: str) -> Any:
    """Return what a peer module needs."""
    app = Celeriac("bench", broker=url, backend=url, task_default_queue="bench")

    @app.task(name="bench.noop")
    def noop(i: int) -> None:
        counter.bump()

    def enqueue(n: int) -> None:
        app.publish_many((noop.s(i) for i in range(n)), batch=1000)

    def roundtrip() -> None:
        noop.delay(0).get(timeout=30)

    return SimpleNamespace(
        app=app,
        NAME=name,
        WORKER=["-m", "celeriac", "-A", f"{module}:app", "worker", "-l", "WARNING", *worker],
        reset=lambda: app.broker.purge(["bench"]),
        enqueue=enqueue,
        roundtrip=roundtrip,
    )
