"""celeriac with the asyncio pool: tasks that only wait, a thousand at once."""

import asyncio
from types import SimpleNamespace

from benchmarks import counter
from benchmarks.peers.waiting import AT_ONCE, SECONDS
from celeriac import Celeriac

_url = f"sqlite:///{counter.path('celeriac.sqlite3')}"
app = Celeriac("bench", broker=_url, backend=_url, task_default_queue="bench")


@app.task(name="bench.wait")
async def wait(i: int) -> None:
    """Count the beginning and the end."""
    counter.bump()
    await asyncio.sleep(SECONDS)
    counter.bump()


def _enqueue(n: int) -> None:
    app.publish_many((wait.s(i) for i in range(n)), batch=1000)


_peer = SimpleNamespace(
    NAME=f"celeriac SQLite, asyncio {AT_ONCE}",
    WORKER=[
        *("-m", "celeriac", "-A", f"{__name__}:app", "worker", "-l", "WARNING"),
        *("-P", "asyncio", "-c", str(AT_ONCE)),
    ],
    reset=lambda: app.broker.purge(["bench"]),
    enqueue=_enqueue,
)
globals().update(vars(_peer))
