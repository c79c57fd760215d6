"""celeriac with the asyncio pool: tasks that only wait, a thousand at once."""

import asyncio
from types import SimpleNamespace

from benchmarks import counter
from celeriac import Celeriac

SECONDS = 0.1

_url = f"sqlite:///{counter.folder() / 'celeriac.sqlite3'}"
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
    NAME="celeriac SQLite, asyncio 1000",
    WORKER=[
        *("-m", "celeriac", "-A", f"{__name__}:app", "worker", "-l", "WARNING"),
        *("-P", "asyncio", "-c", "1000"),
    ],
    reset=lambda: app.broker.purge(["bench"]),
    enqueue=_enqueue,
)
globals().update(vars(_peer))
