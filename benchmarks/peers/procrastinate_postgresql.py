"""procrastinate, which has no results and no processes: one worker, ten jobs at once."""

import os

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from benchmarks import counter

NAME = "procrastinate, concurrency 10"
_dsn = os.environ["BENCH_POSTGRESQL"].replace("+psycopg", "")
app = App(connector=PsycopgConnector(conninfo=_dsn))
WORKER = ["-m", "procrastinate", "--app", f"{__name__}.app", "--log-level", "warning"]
WORKER += ["worker", "-c", "10", "--delete-jobs", "always"]


@app.task(name="noop")
async def noop(i: int) -> None:
    """Count."""
    counter.bump()


def reset() -> None:
    """Make its tables where there are none, and empty them."""
    with psycopg.connect(_dsn, autocommit=True) as connection:
        found = connection.execute("select to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            with App(connector=SyncPsycopgConnector(conninfo=_dsn)).open() as opened:
                opened.schema_manager.apply_schema()
        connection.execute("truncate procrastinate_jobs restart identity cascade")


def enqueue(n: int) -> None:
    """Send in batches of a thousand."""
    with app.replace_connector(SyncPsycopgConnector(conninfo=_dsn)) as sync, sync.open():
        for start in range(0, n, 1000):
            noop.batch_defer(*({"i": i} for i in range(start, min(n, start + 1000))))
