"""The life of a process of the pool that began as a fresh interpreter, as its signals tell it.

What a fork inherits, such a process hears of by itself. Where all tasks run in one process of
green threads, that process is to them what Celery's whole worker is: it gets `worker_init`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..application.run_task import Say, TaskRunner
from ..application.signals import (
    eventlet_pool_apply,
    eventlet_pool_postshutdown,
    eventlet_pool_preshutdown,
    eventlet_pool_started,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
)
from ..domain.work.job import Job, Report
from .life import leave_as_billiards_do
from .runners import AppRunner, Recipe

if TYPE_CHECKING:
    from .library.app import Celeriac

GREEN: Final = ("gevent", "eventlet")


class FreshLife:
    """Sends the signals of one process; it stands for the worker as their sender."""

    def __init__(self, app: Celeriac, node: str, pool: str, prepare: Callable[[], None]) -> None:
        """Speak in the name of this node."""
        self.app, self.hostname = app, node
        self._pool, self._prepare = pool, prepare

    def runner(self, recipe: Callable[[], Recipe]) -> TaskRunner:
        """Return the runner of this process."""
        kind = EventletRunner if self._pool == "eventlet" else AppRunner
        return kind(self.app, self.hostname, self.begins, self.ends, recipe)

    def begins(self) -> None:
        """Prepare, and say that tasks may come."""
        self._prepare()
        if self._pool in GREEN:
            worker_init.send(sender=self)
        elif worker_process_init.receivers:
            worker_process_init.send(sender=self.hostname)
        if self._pool == "eventlet":
            eventlet_pool_started.send(sender=self)

    def ends(self) -> None:
        """Say that no task will come any more."""
        if self._pool == "eventlet":
            eventlet_pool_preshutdown.send(sender=self)
            eventlet_pool_postshutdown.send(sender=self)
        if self._pool not in GREEN and worker_process_shutdown.receivers:
            worker_process_shutdown.send(sender=self.hostname, pid=os.getpid(), exitcode=0)
        leave_as_billiards_do()


class EventletRunner(AppRunner):
    """Sends `eventlet_pool_apply` before each task, as Celery's pool does."""

    def run(self, job: Job, progress: Say) -> Report:
        """Run one job; see Runner.run."""
        if eventlet_pool_apply.receivers:
            nothing: dict[str, Any] = {}
            eventlet_pool_apply.send(sender=self, target=super().run, args=(job,), kwargs=nothing)
        return super().run(job, progress)
