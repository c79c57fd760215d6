"""`celery.contrib.testing.worker`: a worker in the test's own process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...application.signal import Signal
from ..library.app import Celeriac
from ..testing.embedded_worker import running_worker
from ..worker import AppWorker

__all__ = [
    "WORKER_LOGLEVEL",
    "TestWorkController",
    "setup_app_for_worker",
    "start_worker",
    "test_worker_started",
    "test_worker_starting",
    "test_worker_stopped",
]

WORKER_LOGLEVEL = os.environ.get("WORKER_LOGLEVEL", "error")

test_worker_starting = Signal(name="test_worker_starting", providing_args={})
test_worker_started = Signal(name="test_worker_started", providing_args={"worker", "consumer"})
test_worker_stopped = Signal(name="test_worker_stopped", providing_args={"worker"})
for _signal in (test_worker_starting, test_worker_started, test_worker_stopped):
    vars(_signal)["__test__"] = False  # pytest goes by names

TestWorkController = AppWorker


@contextmanager
def start_worker(
    app: Celeriac,
    concurrency: int = 1,
    pool: Any = "solo",
    loglevel: int | str = WORKER_LOGLEVEL,
    logfile: str | None = None,
    perform_ping_check: bool = True,
    ping_task_timeout: float = 10.0,
    shutdown_timeout: float = 10.0,
    **kwargs: Any,
) -> Iterator[AppWorker]:
    """Run a worker on threads of this process while the block lasts.

    Args:
        app: Whose tasks it runs.
        concurrency: How many at once.
        pool: `solo` or `threads`, or another one by name.
        loglevel: How much is logged, if the app's log is set up at all.
        logfile: Where to.
        perform_ping_check: See a task run first; `celery.contrib.testing.tasks` must be imported.
        ping_task_timeout: Seconds for that.
        shutdown_timeout: Seconds that running tasks have at the end.
        **kwargs: More of WorkerOptions; those of Celery that have no meaning here are left out.

    Raises:
        RuntimeError: The ping task is not there; the worker did not end.
    """
    test_worker_starting.send(sender=app)
    setup_app_for_worker(app, loglevel, logfile)
    if perform_ping_check and "celery.ping" not in app.tasks:
        raise RuntimeError(
            "start_worker pings the worker by the task 'celery.ping': import "
            "celery.contrib.testing.tasks, or pass perform_ping_check=False"
        )
    options = {name: value for name, value in kwargs.items() if name in _OPTIONS}
    with running_worker(
        app, pool=pool, concurrency=concurrency, grace_period=shutdown_timeout, **options
    ) as worker:
        test_worker_started.send(sender=app, worker=worker, consumer=worker)
        if perform_ping_check:
            assert app.tasks["celery.ping"].delay().get(timeout=ping_task_timeout) == "pong"
        try:
            yield worker
        finally:
            test_worker_stopped.send(sender=app, worker=worker)


#: What a worker of a test may be told beside.
_OPTIONS = frozenset(
    "hostname queues exclude_queues prefetch_multiplier disable_prefetch time_limit "
    "soft_time_limit remote_control".split()
)


def setup_app_for_worker(app: Celeriac, loglevel: int | str, logfile: str | None) -> None:
    """Finish the app, and set up its log if it wants one."""
    app.finalize()
    app.set_default()
    app.log.setup(loglevel=loglevel, logfile=logfile)
