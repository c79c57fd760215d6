"""`celery.contrib.testing.worker`: a worker in the test's own process."""

import logging
import logging.handlers
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import Any, Final

from ...application.signal import Signal
from ..library.app import Celeriac
from ..testing.embedded_worker import running_worker
from ..worker import AppWorker, WorkerOptions
from .worker_by_hand import WorkerByHand

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

#: How long what was logged at the very end may take to arrive, in seconds.
LISTENING_SECONDS: Final = 5.0

test_worker_starting = Signal(name="test_worker_starting", providing_args={})
test_worker_started = Signal(name="test_worker_started", providing_args={"worker", "consumer"})
test_worker_stopped = Signal(name="test_worker_stopped", providing_args={"worker"})
for _signal in (test_worker_starting, test_worker_started, test_worker_stopped):
    vars(_signal)["__test__"] = False  # pytest goes by names


class TestWorkController(WorkerByHand):
    """A worker of a test, to derive from.

    What the processes of its pool log is seen by the test too: it comes over `logger_queue`.

    Args:
        app: Whose tasks it runs.
        options: What it is told.
        logger_queue: Where the pool's processes are to log to, if they are forked; default: a
            queue of its own.
    """

    __test__ = False

    #: Where processes of the pool log to; None: there are none, or they are no forks.
    logger_queue: Any = None

    class QueueHandler(logging.handlers.QueueHandler):
        """Puts records in the queue of the test."""

        def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
            """Return the record as it travels; `from_queue` says that it does."""
            record = super().prepare(record)
            record.from_queue = True
            return record

        def enqueue(self, record: logging.LogRecord) -> None:
            """Put it in, at once: a process of a pool may be killed at any time."""
            to: Any = self.queue
            to.put(record)

        def handleError(self, record: logging.LogRecord) -> None:
            """Raise what went wrong: this is a test."""
            if logging.raiseExceptions:
                raise

    def __init__(
        self, app: Celeriac, options: WorkerOptions | None = None, logger_queue: Any = None
    ) -> None:
        self._on_started, self.pid = threading.Event(), os.getpid()
        self._listening: threading.Thread | None = None
        self._prepare_more = (options or WorkerOptions()).prepare
        options = options or WorkerOptions()
        if _forks(app, options):
            self.logger_queue = logger_queue or get_context("fork").SimpleQueue()
            options = replace(options, prepare=self._prepare)
        super().__init__(app, options)

    def start(self, *args: Any, **kwargs: Any) -> None:
        """Start it; see `ensure_started`."""
        if self.logger_queue is not None:
            self._listening = threading.Thread(target=self._log_here, daemon=True)
            self._listening.start()
        try:
            super().start(*args, **kwargs)
        except BaseException:
            self._stop_listening()
            raise

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Work until stopped."""
        try:
            super().run(*args, **kwargs)
        finally:
            self._stop_listening()

    def on_consumer_ready(self, consumer: Any) -> None:
        """Be told that it takes tasks from now on; tells `ensure_started` and the signal."""
        self._on_started.set()
        test_worker_started.send(sender=self.app, worker=self, consumer=consumer)

    def ensure_started(self) -> None:
        """Wait until it takes tasks."""
        self._on_started.wait()

    def _prepare(self) -> None:
        if os.getpid() != self.pid:
            logging.getLogger().handlers[:] = [self.QueueHandler(self.logger_queue)]
        self._prepare_more()

    def _log_here(self) -> None:
        while (record := self.logger_queue.get()) is not None:
            logging.getLogger(record.name).handle(record)

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self.logger_queue.put(None)
            self._listening.join(LISTENING_SECONDS)
            self._listening = None


def _forks(app: Celeriac, options: WorkerOptions) -> bool:
    pool: Any = options.pool or app.conf.worker_pool
    return pool == "prefork" and app.conf.worker_pool_start_method == "fork"


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
    WorkController: Any = TestWorkController,
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
        WorkController: The worker's class, derived from `TestWorkController`.
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
        app,
        WorkController,
        pool=pool,
        concurrency=concurrency,
        grace_period=shutdown_timeout,
        **options,
    ) as worker:
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
