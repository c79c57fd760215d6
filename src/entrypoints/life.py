"""A worker's life as its signals tell it.

What must stay true: signals of a process come from the process they are about, so that what a
receiver opens belongs to the tasks that run there.
"""

import logging
import os
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from ..application.signals import (
    celeryd_after_setup,
    celeryd_init,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)

if TYPE_CHECKING:
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")


def leave_as_billiards_do() -> None:
    """End a process of the pool in the way of billiard's, if somebody has replaced that.

    Sentry's integration wraps `billiard.pool.Worker.workloop` to send what it holds still.
    """
    pool = sys.modules.get("billiard.pool")
    if pool is not None and pool.Worker.workloop.__module__ != "billiard.pool":
        try:
            pool.Worker.workloop(_NothingToDo())
        except Exception:
            logger.exception("what wraps billiard.pool.Worker.workloop raised")


class _NothingToDo:
    """A worker of billiard's whose loop is over at once."""

    inqW_fd = synqW_fd = wait_for_job = wait_for_syn = prepare_result = put = None
    maxtasks = max_memory_per_child = on_ready_counter = 0

    @property
    def outq(self) -> "_NothingToDo":
        return self

    def _ensure_messages_consumed(self, completed: int) -> bool:
        return True


class Life:
    """Sends the signals of one worker, in Celery's order."""

    def __init__(self, worker: "AppWorker") -> None:
        """Speak in this worker's name."""
        self._worker = worker
        self._hub = os.getpid()
        self._is_over = False

    def may_be_configured(self) -> None:
        """Send `celeryd_init`: settings may still be changed, for this node alone.

        The app tells of its settings first, so that no child of the pool has to do it again.
        """
        self._worker.app.finalize()
        if celeryd_init.receivers:
            worker, options = self._worker, self._worker.options
            celeryd_init.send(
                sender=worker.node,
                instance=worker,
                conf=worker.app.conf,
                options={one.name: getattr(options, one.name) for one in fields(options)},
            )

    def starts(self) -> None:
        """Send `celeryd_after_setup` and `worker_init`, then what a fork must be ready for."""
        worker = self._worker
        if celeryd_after_setup.receivers:
            queues = worker.app.amqp.queues
            with queues.choosing(worker.queues):
                celeryd_after_setup.send(sender=worker.node, instance=worker, conf=worker.app.conf)
                worker.queues = queues.chosen or worker.queues
        worker_init.send(sender=worker)
        if worker.pool.capabilities.kill:
            # Once for all children: they are forked from one process, which is forked here.
            worker_before_create_process.send(sender=worker.pool)

    def is_ready(self) -> None:
        """Send `worker_ready`."""
        worker_ready.send(sender=self._worker)

    def is_over(self) -> None:
        """Send `worker_shutdown`, once."""
        if not self._is_over:
            self._is_over = True
            worker_shutdown.send(sender=self._worker)

    def process_begins(self) -> None:
        """Prepare where tasks will run; send `worker_process_init` if that is a process."""
        self._worker.options.prepare()
        if self._is_process() and worker_process_init.receivers:
            worker_process_init.send(sender=self._worker.node)

    def process_ends(self) -> None:
        """Send `worker_process_shutdown` from a process of the pool that ends in order."""
        if os.getpid() == self._hub:
            return
        if worker_process_shutdown.receivers:
            worker_process_shutdown.send(sender=self._worker.node, pid=os.getpid(), exitcode=0)
        leave_as_billiards_do()

    def _is_process(self) -> bool:
        # As in Celery, the process of `solo` counts as one, and threads do not.
        return os.getpid() != self._hub or self._worker.pool.wants_main_thread
