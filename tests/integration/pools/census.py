"""Which objects live in a process, by their kind; and what keeps a worker busy in every way."""

import gc
from collections import Counter
from typing import Any

from celeriac import Celeriac, chain, chord

#: Objects of a kind that may come and go: caches that fill. Less than the rounds of a mix.
FEW = 100
#: sqlite3 keeps dead references to cursors until it has made two hundred more.
OF_CURSORS = "weakref.ReferenceType"


def census() -> dict[str, int]:
    """Count what the collector knows of and could not free."""
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return by how much kinds of objects have become more, where that is more than a few."""
    more = {kind: count - before.get(kind, 0) for kind, count in after.items()}
    return {kind: count for kind, count in more.items() if count > FEW and kind != OF_CURSORS}


def make_app(store: str) -> Celeriac:
    """Return an app whose tasks end in every way, and some that count objects where they run."""
    app = Celeriac("counted", broker=store, backend=store, set_as_current=False)
    app.conf.update(worker_send_task_events=True)

    @app.task(name="census")
    def count() -> dict[str, int]:
        return census()

    @app.task(name="uncollected")
    def uncollected(kind: str) -> int:
        gc.disable()
        return sum(type(one).__qualname__ == kind for one in gc.get_objects())

    @app.task(name="add")
    def add(one: int, other: int) -> int:
        return one + other

    @app.task(name="wait", soft_time_limit=30, acks_late=True)
    async def wait(number: int) -> int:
        return number

    @app.task(name="fail")
    def fail(number: int) -> None:
        raise LookupError(number)

    @app.task(name="retry", bind=True)
    def retry(self: Any, number: int) -> int:
        if not self.request.retries:
            raise self.retry(countdown=0)
        return number

    @app.task(name="total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    return app


#: What children find that begin as a fresh interpreter; its settings come with them.
app = make_app("memory://")


def send_a_mix(app: Celeriac, rounds: int) -> list[str]:
    """Send 25 tasks a round; return the ids whose results are the last of each call."""
    add, wait, fail, retry, total = (
        app.tasks[name] for name in ("add", "wait", "fail", "retry", "total")
    )
    calls: list[Any] = []
    for n in range(rounds):
        calls += [add.s(n, one) for one in range(10)]
        calls += [wait.s(one) for one in range(5)]
        calls += [fail.s(n), retry.s(n)]
        calls += [chain(add.s(n, 1), add.s(1), add.s(1)).set(countdown=0)]
        calls += [chord([add.s(n, one) for one in range(4)], total.s())]
    return [result.id for result in app.publish_many(calls)]
