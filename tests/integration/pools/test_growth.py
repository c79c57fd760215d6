"""A worker that has run thousands of tasks holds no more objects than before, nor do its children.

Counted are objects, not bytes or seconds: what is kept of a task, wherever, shows as so many more.
`python -m benchmarks.soak` looks at the memory of real processes under load for an hour.
"""

import logging
from pathlib import Path

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker
from celeriac.entrypoints.worker import AppWorker
from tests.integration.cli.running import eventually
from tests.integration.pools import census as counted_app
from tests.integration.pools.census import census, grown, make_app, send_a_mix

#: Rounds of 25 tasks: what fills caches, and what must leave nothing.
WARM_UP, ROUNDS = 40, 200
PATIENCE = 90.0


@pytest.fixture
def app(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    # pytest keeps every record that is logged.
    caplog.set_level(logging.CRITICAL, "celeriac")
    app = make_app(f"sqlite:///{tmp_path / 'celeriac.sqlite3'}")
    monkeypatch.setattr(counted_app, "app", app)  # so that fresh interpreters can import it
    yield app
    app.close()


@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize("pool", ["solo", "threads", "prefork", "asyncio", "gevent", "eventlet"])
def test_five_thousand_tasks_leave_no_objects_behind_in_hub_or_child(app: Celeriac, pool: str):
    with running_worker(app, pool=pool, concurrency=1) as worker:
        run_a_mix(app, WARM_UP)
        there, here = counted(app, worker)

        run_a_mix(app, ROUNDS)

        more: list[dict[str, int]] = []

        def none_more() -> bool:
            there_now, here_now = counted(app, worker)
            more[:] = [grown(there, there_now), grown(here, here_now)]
            return not any(more)

        # What is told of the last tasks may be on its way still.
        eventually(none_more, lambda: f"more than before in child, in hub: {more}", PATIENCE)


def test_a_coroutine_that_has_ended_leaves_nothing_for_the_collector(app: Celeriac):
    with running_worker(app, pool="asyncio", concurrency=1):
        app.send_task("uncollected", ("Run",)).get(timeout=PATIENCE)
        ended = app.publish_many(app.tasks["wait"].s(n) for n in range(100))
        for one in ended:
            one.get(timeout=PATIENCE)

        # Its own, and what a thread that waits for another has run last.
        assert app.send_task("uncollected", ("Run",)).get(timeout=PATIENCE) <= 3


def counted(app: Celeriac, worker: AppWorker) -> tuple[dict[str, int], dict[str, int]]:
    """Count objects where tasks run, then here, when nothing is in hand.

    Whoever waits for work still has the batch before in its variables, which now is that one task.
    """
    there = app.send_task("census").get(timeout=PATIENCE)
    eventually(
        lambda: worker.worker.core.idle and worker.worker.chronicle.happened.empty(),
        lambda: "the worker is never idle",
        PATIENCE,
    )
    return there, census()


def run_a_mix(app: Celeriac, rounds: int) -> None:
    """Run tasks that end in every way, and wait for all of them."""
    left = send_a_mix(app, rounds)

    def all_are_over() -> bool:
        records = app.results.fetch(left)
        pairs = zip(left, records, strict=True)
        left[:] = [name for name, record in pairs if record is None or not record.ready]
        return not left

    eventually(all_are_over, lambda: f"{len(left)} calls are not over", PATIENCE)
