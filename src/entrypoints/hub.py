"""The hub's own parts: what watches over the work of a worker that has its pool already.

Imported once the pool has forked, so that its children do without them.
"""

import logging
import os
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from ..application import work_log
from ..application.admission import Admission
from ..application.autoscale import Autoscaling, Scaler
from ..application.housekeeping import Housekeeping
from ..application.look_at_queues import QueueLook
from ..application.remember import Remembering
from ..application.run_task import TaskRunner
from ..application.stand_in import StandIn
from ..application.time_tasks import TaskTimes
from ..application.work import Worker, WorkSettings
from ..domain.errors import ImproperlyConfigured, NotSupported
from ..domain.tasks.options import TaskOptions
from ..domain.work.capacity import Autoscaler
from ..domain.work.core import WorkerCore, WorkerPolicy
from .adapter_table import STATE_FILE, load
from .celery_names import celery_names_are_ours, imported
from .library.kept_for import kept_for
from .library.limits import needs_the_cluster
from .library.task_shape import DEFAULT_REQUEST, receivers
from .logs import log_path
from .presence import Presence

if TYPE_CHECKING:
    from ..ports.settler import Settler
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")

#: What part of its slots a pool is given beyond them, if all of them draw on one line of jobs.
AHEAD: Final = 0.25
#: Or what they work off in so many seconds: a hub that waits for its store's disk is away as long.
AHEAD_SECONDS: Final = 0.1
#: What the setting is unless somebody asks for another.
CELERYS_AUTOSCALER: Final = "celery.worker.autoscale:Autoscaler"
#: Seconds that a slot stays after the pool grew last, as in Celery.
KEEPALIVE: Final = 30.0


def make_shell(outer: "AppWorker", runner: TaskRunner, inbox: SimpleQueue[Any]) -> Worker:
    """Return the shell of a worker, not started yet."""
    conf, container = outer.app.conf, outer.app.container
    cleaner = Housekeeping(container.results(), kept_for(outer.app), container.clock())
    admission = Admission(container.coordinator, conf.worker_lease)
    if any(needs_the_cluster(task) for task in outer.app.tasks.values()):
        container.coordinator()  # where there can be none, that is said before any task is taken

    def keep_house() -> None:
        cleaner.turn()
        if outer.memory is not None:
            outer.memory.turn()
        if outer.look is not None:
            outer.look.turn()

    _say_what_has_no_effect(outer)
    if celery_names_are_ours():
        # What a project has said about Celery's loggers of these lines holds, Sentry's too.
        work_log.speak_as("celery.worker.strategy", "celery.app.trace")
    if (trace := imported("celery.app.trace")) is not None:
        work_log.word(trace.wordings())
    settler = container.settler(join=runner.join)
    kind, core = _kinds(outer)
    return kind(
        WorkSettings(
            node=outer.node,
            queues=outer.queues,
            lease=conf.worker_lease,
            grace=_asked_or_set(outer.options.grace_period, conf.worker_grace_period),
            zone=outer.app.timezone,
        ),
        core(_policy(outer, settler), lambda name: _find_options(outer, name)),
        container.broker(),
        settler,
        container.results(),
        outer.pool,
        runner,
        container.clock(),
        inbox,
        keep_house,
        None if outer.guard is None else StandIn(outer.guard, admission),
        admission,
    )


def _kinds(outer: "AppWorker") -> tuple[type[Worker], Callable[..., WorkerCore]]:
    """Return what makes the shell and the core; where no task has a Strategy, the plain ones."""
    receiving = receivers(outer.app.tasks.values())
    if not receiving:
        return Worker, WorkerCore
    from ..application.hand_over import HandingWorker
    from .strategies import handing_core

    return HandingWorker, handing_core(receiving)


def hand_over(outer: "AppWorker", shell: Worker) -> None:
    """Have tasks that receive their messages by themselves get ready for them."""
    if type(shell) is not Worker:
        from . import strategies

        strategies.hand_over(outer, shell)


def make_look(outer: "AppWorker", shell: Worker) -> QueueLook | None:
    """Return what looks at its queues, if somebody may ask what was seen."""
    if outer.watch is None or outer.watch.probes is None:
        return None
    container = outer.app.container
    return QueueLook(container.broker(), shell.queues, container.clock())


def time_tasks(outer: "AppWorker", shell: Worker) -> None:
    """Have how long tasks wait and run measured, if somebody may ask for it."""
    if outer.watch is not None and outer.watch.probes is not None:
        shell.chronicle.times = TaskTimes(shell.core, outer.app.container.clock())


def tell_requests(outer: "AppWorker", shell: Worker) -> None:
    """Have Request classes of users' own told what happens. Raises ImproperlyConfigured."""
    if any(task.Request != DEFAULT_REQUEST for task in outer.app.tasks.values()):
        from . import task_requests

        task_requests.tell_requests(outer, shell)


def _say_what_has_no_effect(outer: "AppWorker") -> None:
    conf, can = outer.app.conf, outer.pool.capabilities
    if conf.task_time_limit and not can.hard_limit:
        logger.warning(
            "task_time_limit=%g has no effect: this pool cannot end a task; worker_pool='prefork' "
            "can, and 'threads' can give one up",
            conf.task_time_limit,
        )
    if conf.result_failure_expires is not None and not _heeds_failures(outer):
        logger.warning(
            "result_failure_expires=%s has no effect: results in %s wait together, whatever became "
            "of their tasks (result_expires); a result_backend in Redis or a database heeds it",
            *(conf.result_failure_expires, outer.app.results.url),
        )
    if can.isolated:
        return
    asked = outer.options.pool or conf.worker_pool
    pool = asked if isinstance(asked, str) else type(asked).__name__
    for name in ("worker_max_tasks_per_child", "worker_max_memory_per_child"):
        if value := conf[name]:
            logger.warning(
                "%s=%s has no effect: worker_pool=%r does not replace processes as they age; "
                "'prefork' does",
                *(name, value, pool),
            )


def _heeds_failures(outer: "AppWorker") -> bool:
    if outer.app.results.capabilities.keeps_failures_apart:
        return True
    from .own_backend import own_backend  # which leads to what only Celery's names lead to

    return own_backend(outer.app) is not None  # and has said so itself


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
    keepalive = float(os.environ.get("AUTOSCALE_KEEPALIVE", KEEPALIVE))
    scaler = _own_scaler(outer, most, least, keepalive) or Autoscaler(most, least, keepalive)
    return Autoscaling(scaler, outer.pool, outer.app.container.clock(), shell.ask)


def _own_scaler(outer: "AppWorker", most: int, least: int, keepalive: float) -> Scaler | None:
    """Return a scaler of the class that the settings name. Raises ImproperlyConfigured."""
    conf = outer.app.conf
    asked: Any = conf.worker_autoscaler
    if not conf.value_set_for("worker_autoscaler") or asked == CELERYS_AUTOSCALER:
        return None
    from .celery_modules.worker_autoscale import Autoscaler as Celerys
    from .library.celery_shape import loaded

    try:
        kind: Any = loaded(asked)
    except (ImportError, AttributeError, ValueError) as why:
        raise ImproperlyConfigured(
            f"worker_autoscaler={asked!r} cannot be imported: {why}"
        ) from why
    if isinstance(kind, type) and issubclass(kind, Celerys):
        return kind(outer.pool, most, least, worker=outer, keepalive=keepalive)
    if not (callable(getattr(kind, "change", None)) and callable(kind)):
        raise ImproperlyConfigured(
            f"worker_autoscaler={asked!r}: expected a class derived from Autoscaler of "
            "celery.worker.autoscale as celeriac knows it (celeriac --as-celery), or one with "
            "change(slots, wanted, tick) and set_bounds(most, least)"
        )
    return kind(most, least, keepalive)  # type: ignore[no-any-return]


def _policy(outer: "AppWorker", settler: "Settler") -> WorkerPolicy:
    conf, options = outer.app.conf, outer.options
    shared = outer.pool.capabilities.shared
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
        relays=conf.worker_chain_relay if settler.relays else 0,
        ahead=AHEAD if shared else 0.0,
        ahead_seconds=AHEAD_SECONDS if shared else 0.0,
    )


def _find_options(outer: "AppWorker", name: str) -> TaskOptions | None:
    task = outer.app.tasks.get(name)
    return None if task is None else task.resolved


def _asked_or_set(asked: Any, setting: Any) -> Any:
    return setting if asked is None else asked
