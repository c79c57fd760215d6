"""The hub's own parts: what watches over the work of a worker that has its pool already.

Imported once the pool has forked, so that its children do without them.
"""

import logging
import os
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from ..application.admission import Admission
from ..application.autoscale import Autoscaling
from ..application.housekeeping import Housekeeping, lifetime
from ..application.remember import Remembering
from ..application.run_task import TaskRunner
from ..application.work import Worker, WorkSettings
from ..domain.errors import NotSupported
from ..domain.tasks.options import TaskOptions
from ..domain.work.capacity import Autoscaler
from ..domain.work.core import WorkerCore, WorkerPolicy
from .adapter_table import STATE_FILE, load
from .library.limits import needs_the_cluster
from .logs import log_path
from .presence import Presence

if TYPE_CHECKING:
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")

#: What part of its slots a pool is given beyond them, if all of them draw on one line of jobs.
AHEAD: Final = 0.25
#: Seconds that a slot stays after the pool grew last, as in Celery.
KEEPALIVE: Final = 30.0


def make_shell(outer: "AppWorker", runner: TaskRunner, inbox: SimpleQueue[Any]) -> Worker:
    """Return the shell of a worker, not started yet."""
    conf, container = outer.app.conf, outer.app.container
    cleaner = Housekeeping(container.results(), lifetime(conf.result_expires), container.clock())
    admission = Admission(container.coordinator, conf.worker_lease)
    if any(needs_the_cluster(task) for task in outer.app.tasks.values()):
        container.coordinator()  # where there can be none, that is said before any task is taken

    def keep_house() -> None:
        admission.prolong()
        cleaner.turn()
        if outer.memory is not None:
            outer.memory.turn()

    if conf.task_time_limit and not outer.pool.capabilities.hard_limit:
        logger.warning(
            "task_time_limit=%g has no effect: this pool cannot end a task; worker_pool='prefork' "
            "can, and 'threads' can give one up",
            conf.task_time_limit,
        )
    return Worker(
        WorkSettings(
            node=outer.node,
            queues=outer.queues,
            lease=conf.worker_lease,
            grace=_asked_or_set(outer.options.grace_period, conf.worker_grace_period),
            zone=outer.app.timezone,
        ),
        WorkerCore(_policy(outer), lambda name: _find_options(outer, name)),
        container.broker(),
        container.settler(join=runner.join),
        container.results(),
        outer.pool,
        runner,
        container.clock(),
        inbox,
        keep_house,
        outer.guard,
        admission,
    )


def make_presence(outer: "AppWorker", shell: Worker) -> Presence:
    """Return what a worker says and hears on the bus, silent yet."""
    conf = outer.app.conf
    answers = _asked_or_set(outer.options.remote_control, conf.worker_enable_remote_control)
    return Presence(outer, shell, answers=bool(answers))


def make_memory(outer: "AppWorker", shell: Worker) -> Remembering | None:
    """Return what remembers from one run to the next, if there is a file for that."""
    path = _asked_or_set(outer.options.statedb, outer.app.conf.worker_state_db)
    if not path:
        return None
    container = outer.app.container
    file = load(STATE_FILE)(log_path(str(path), outer.node, 0))
    return Remembering(file, shell.core, shell.ask, container.logical(), container.clock())


def make_autoscaling(outer: "AppWorker", shell: Worker) -> Autoscaling | None:
    """Return what resizes the pool with the work there is. Raises NotSupported."""
    if outer.options.autoscale is None:
        return None
    most, least = outer.options.autoscale
    if not outer.pool.capabilities.resize:
        raise NotSupported(
            f"autoscale={most},{least}: this pool cannot be resized; use worker_pool='prefork', "
            "'threads', 'asyncio', 'gevent' or 'eventlet'"
        )
    conf = outer.app.conf
    keepalive = float(os.environ.get("AUTOSCALE_KEEPALIVE", KEEPALIVE))
    kind = Autoscaler
    if conf.value_set_for("worker_autoscaler"):
        found: Any = conf.worker_autoscaler
        kind = load(found) if isinstance(found, str) else found
    scaler = kind(most, least, keepalive)
    return Autoscaling(scaler, outer.pool, outer.app.container.clock(), shell.ask)


def _policy(outer: "AppWorker") -> WorkerPolicy:
    conf, options = outer.app.conf, outer.options
    return WorkerPolicy(
        slots=outer.pool.slots or outer.slots,
        prefetch_multiplier=_asked_or_set(
            options.prefetch_multiplier, conf.worker_prefetch_multiplier
        ),
        disable_prefetch=_asked_or_set(options.disable_prefetch, conf.worker_disable_prefetch),
        max_crashes=conf.task_max_crashes,
        time_limit=_asked_or_set(options.time_limit, conf.task_time_limit),
        soft_time_limit=_asked_or_set(options.soft_time_limit, conf.task_soft_time_limit),
        disable_rate_limits=conf.worker_disable_rate_limits,
        queue_slots=outer.queue_slots,
        ahead=AHEAD if outer.pool.capabilities.shared else 0.0,
    )


def _find_options(outer: "AppWorker", name: str) -> TaskOptions | None:
    task = outer.app.tasks.get(name)
    return None if task is None else task.resolved


def _asked_or_set(asked: Any, setting: Any) -> Any:
    return setting if asked is None else asked
