"""A worker of an app: its parts put together, started and stopped as one."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from ..application.run_task import TaskRunner
from ..domain.errors import BrokerUnavailable, QueueNotFound
from ..domain.work.queue_slots import checked, told
from ..ports.lease import LeaseGuard
from ..ports.pool import Guarded, Pool, Stop
from .adapter_table import LEASE_GUARD, load
from .choices import default_slots, make_pool
from .library.app import Celeriac
from .life import Life
from .node_names import node_name
from .routes import router_of
from .runners import AppRunner, recipe_of

if TYPE_CHECKING:
    from ..application.look_at_queues import QueueLook
    from ..application.remember import Remembering
    from ..application.watch_neighbours import Gossip
    from ..application.work import Worker
    from ..domain.work.core import WorkerCore
    from ..domain.work.effects import Effect
    from .presence import Presence
    from .stages import WorkerBlueprint
    from .timer import Timer
    from .user_steps import UserSteps
    from .web.watch import Watch

logger = logging.getLogger("celeriac.worker")

#: How long children may take to leave when the worker cannot start, in seconds.
PARTING_SECONDS: Final = 1.0
#: How long the main thread may take to return from a pool that is stopped, in seconds.
RELEASE_SECONDS: Final = 0.5
#: First pause between attempts to reach the broker at start-up, and the longest, in seconds.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 10.0


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker is told when it is started; None follows the settings. Times are seconds."""

    hostname: str | None = None
    pool: str | Pool | None = None
    concurrency: int | None = None
    autoscale: tuple[int, int] | None = None  # most and least slots; else there are `concurrency`
    queues: Sequence[str] | None = None  # names, or name=slots: so many of its tasks at once
    exclude_queues: Sequence[str] = ()
    prefetch_multiplier: int | None = None
    disable_prefetch: bool | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    remote_control: bool | None = None
    heartbeat: bool | None = None
    heartbeat_interval: float | None = None
    mingle: bool | None = None
    gossip: bool | None = None
    grace_period: float | None = None
    statedb: str | None = None  # may hold %n, %h, %d
    user_options: Mapping[str, Any] = field(default_factory=dict)  # for users' own steps
    health_port: str | int | None = None
    self_report: bool = False  # whether `celeriac status --self` is to find it
    prepare: Callable[[], None] = nothing  # called where tasks will run, before the first
    guard_lease: bool = False  # by a process of its own, where tasks run in this very one
    sparing: bool = False  # what only libraries of the hub import may be late; see late_modules


class _LateBlueprint:
    def __get__(self, worker: AppWorker | None, cls: type[AppWorker]) -> type[WorkerBlueprint]:
        from .stages import WorkerBlueprint  # for users' own steps only

        return WorkerBlueprint


class AppWorker:
    """One worker of one app. Make it, `start` it, `run` it; `stop` it from anywhere.

    The pool is started before the adapters and the hub's own parts are even imported: what it
    forks is then as small as the app itself, and holds neither a connection nor a driver.
    """

    #: The class of its steps.
    Blueprint = _LateBlueprint()

    def __init__(self, app: Celeriac, options: WorkerOptions | None = None) -> None:
        """Look at what is asked for; nothing is opened or started yet."""
        self.app, self.options = app, options or WorkerOptions()
        self.node = node_name(self.options.hostname, socket.gethostname())
        self.life = Life(self)
        self.life.may_be_configured()
        self.pool = self._pool()
        #: How many tasks of a queue it runs at once at most, where that is limited.
        self.queue_slots: dict[str, int] = {}
        self.queues = self._queues()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._stop_asked: list[bool] = []
        self._worker: Worker | None = None
        self._presence: Presence | None = None
        self._watch: Watch | None = None
        #: What remembers from one run to the next, once the worker has joined.
        self.memory: Remembering | None = None
        #: What looks at its queues, where somebody may ask what was seen.
        self.look: QueueLook | None = None
        self.guard: LeaseGuard | None = None
        #: Users' own steps that were started.
        self.steps: list[Any] = []
        self._user_steps: UserSteps | None = None
        self._timer: Timer | None = None

    @property
    def hostname(self) -> str:
        """The node's name, as receivers of signals ask their sender."""
        return self.node

    @property
    def controller(self) -> AppWorker:
        """Itself: to Celery's receivers worker, controller and consumer are three."""
        return self

    @property
    def consumer(self) -> Any:
        """What talks to the broker: users' steps know a part of its own, others itself."""
        return self if self._user_steps is None else self._user_steps.consumer

    @property
    def timer(self) -> Timer:
        """A timer for users' steps."""
        if self._timer is None:
            from .timer import Timer

            self._timer = Timer(self.app.container.clock())
        return self._timer

    @property
    def concurrency(self) -> int:
        """How many tasks run at once."""
        return self.pool.slots or self.slots

    @property
    def worker(self) -> Worker:
        """The shell. Only after `start`."""
        if self._worker is None:
            raise RuntimeError("the worker has not been started: call start() first")
        return self._worker

    @property
    def shell(self) -> Worker | None:
        """The shell, if it has joined the cluster."""
        return self._worker

    @property
    def gossip(self) -> Gossip | None:
        """What is known of the other workers, if it listens to them and has joined."""
        return None if self._presence is None else self._presence.gossip

    @property
    def watch(self) -> Watch | None:
        """What answers probes, if that was asked for."""
        return self._watch

    @property
    def slots(self) -> int:
        """How many tasks are to run at once, where the pool does not know better."""
        if self.options.autoscale is not None:
            return max(1, self.options.autoscale[1])
        asked: Any = self.options.concurrency or self.app.conf.worker_concurrency
        if asked in (None, 0, "auto"):  # 0, as in Celery, is no number of slots
            return default_slots(self.options.pool or self.app.conf.worker_pool)
        return int(asked)

    # -- life

    def start(self, before: Callable[[AppWorker], None] = lambda worker: None) -> None:
        """Start the pool, join the cluster, listen.

        `before` is called when the broker is there and nothing has been claimed yet.
        When it fails nothing is left behind. Raises BrokerUnavailable, ImproperlyConfigured.
        """
        self.life.starts()
        runner = self._runner()
        if self.app.steps["worker"] or self.app.steps["consumer"]:
            from .user_steps import UserSteps

            self._user_steps = UserSteps(self)
        self.guard = self._guard()
        if self.guard is not None and isinstance(self.pool, Guarded):
            self.pool.be_guarded(self.guard.expect)
        self.pool.start(runner, self._inbox.put)
        self._spare_memory()
        try:
            self._be_watched()
            if self._user_steps is not None:
                self._user_steps.start()
            self._join(runner)
            before(self)
            if self._user_steps is not None:
                self._user_steps.join()
            self.life.is_ready()
        except BaseException:
            self._end_steps(cold=True)
            if self._watch is not None:
                self._watch.stop()
            self.pool.stop(Stop.COLD, PARTING_SECONDS)
            self._dismiss_guard()
            raise

    def run(self, release: Callable[[], None] = lambda: None) -> None:
        """Work until stopped; a pool that wants the main thread gets the calling one.

        `release` is called when all is over and a task still has that thread: what it came to
        is recorded already, so it may be interrupted in any way.
        """
        if not self.pool.wants_main_thread:
            self._run_hub()
            return
        returned = threading.Event()

        def run_beside() -> None:
            self._run_hub()
            if not returned.wait(RELEASE_SECONDS):
                release()

        hub = threading.Thread(target=run_beside, name="celeriac-hub")
        hub.start()
        try:
            self.pool.run_main()
        finally:
            returned.set()
            hub.join()

    def stop(self, *, cold: bool = False, soft: float | None = None, idle: bool = False) -> None:
        """Ask for the end: warm by default, cold gives running tasks no grace.

        `soft` gives them that many seconds; with `idle` they are waited out though nothing runs.
        Safe in a signal handler: it takes no lock.
        """
        if self._worker is None:
            self._stop_asked.append(cold)
        else:
            self._worker.stop(cold=cold, soft=soft, idle=idle)

    def ask(self, act: Callable[[WorkerCore], Iterable[Effect]]) -> None:
        """Have something done by the thread that owns the core. Safe in a signal handler."""
        self.worker.ask(act)

    @property
    def broken(self) -> str | None:
        """Why the pool could not go on, if that is why the worker stopped."""
        return self.worker.broken

    def _run_hub(self) -> None:
        try:
            if self._presence is not None:
                self._presence.speak()
            if self.worker.autoscaling is not None:
                self.worker.autoscaling.start()
            self.worker.run()
        finally:
            if self.worker.autoscaling is not None:
                self.worker.autoscaling.stop()
            if self._presence is not None:
                self._presence.stop()
            if self._watch is not None:
                self._watch.stop()
            self._dismiss_guard()
            if self.memory is not None:
                self.memory.close()
            self._end_steps(cold=self.worker.cold)
            self.life.is_over()

    def _end_steps(self, *, cold: bool) -> None:
        if self._user_steps is not None:
            self._user_steps.stop(cold=cold)
        if self._timer is not None:
            self._timer.stop()

    # -- joining

    def _be_watched(self) -> None:
        asked = self.options.health_port
        if asked is not None:
            self.app.conf["worker_health_port"] = asked
        address = self.app.conf.worker_health_port
        if address is None and not self.options.self_report:
            return
        from .web.watch import Watch  # after the pool has forked

        self._watch = Watch(self, address, self_report=self.options.self_report)
        self._watch.start()

    def _join(self, runner: TaskRunner) -> None:
        from . import hub  # after the pool has forked

        container = self.app.container
        worker = hub.make_shell(self, runner, self._inbox)
        worker.tell.sender = self
        hub.tell_requests(self, worker)
        hub.time_tasks(self, worker)
        self.memory = hub.make_memory(self, worker)
        if self.memory is not None:
            self.memory.load()
        self.look = hub.make_look(self, worker)
        worker.autoscaling = hub.make_autoscaling(self, worker)
        hub.hand_over(self, worker)
        self._persistently(worker.start)
        router = container.router()
        queues = [router.queue(name) for name in self.queues]
        self._persistently(lambda: container.broker().declare(queues))
        self._presence = hub.make_presence(self, worker)
        self._presence.listen()
        self._worker = worker
        for cold in self._stop_asked:
            worker.stop(cold=cold)

    def _persistently(self, act: Callable[[], None]) -> None:
        """Do it; with broker_connection_retry_on_startup, again until the broker is there."""
        conf, clock = self.app.conf, self.app.container.clock()
        attempt = 0
        while True:
            attempt += 1
            try:
                act()
                return
            except BrokerUnavailable as away:
                most = conf.broker_connection_max_retries
                if not conf.broker_connection_retry_on_startup or (most and attempt > most):
                    raise
                pause = min(LONGEST_PAUSE, attempt * FIRST_PAUSE)
                logger.error("cannot reach the broker, next attempt in %g s: %s", pause, away)
                clock.wait(pause)

    # -- parts

    def _spare_memory(self) -> None:
        if self.options.sparing and os.getpid() not in self.pool.pids:  # tasks run elsewhere
            from .late_modules import postpone  # after the pool has forked

            postpone()

    def _pool(self) -> Pool:
        asked = self.options.pool or self.app.conf.worker_pool
        if not isinstance(asked, str):
            return asked
        return make_pool(self.app.conf, asked, self.slots)

    def _guard(self) -> LeaseGuard | None:
        """Fork who keeps the lease while a task holds the interpreter, if that may happen."""
        in_here = os.getpid() in self.pool.pids
        if not (self.options.guard_lease and in_here) or self.app.given.get("broker") is not None:
            return None
        return load(LEASE_GUARD)(self._renew_as, self.app.conf.worker_lease)  # type: ignore[no-any-return]

    def _renew_as(self, told: str) -> None:
        from ..application.stand_in import renew

        container = self.app.container  # the guard's own, made after the fork
        renew(told, container.broker(), container.coordinator, self.app.conf.worker_lease)

    def _dismiss_guard(self) -> None:
        if self.guard is not None:
            self.guard.close()

    def _queues(self) -> list[str]:
        # Not the container's: it is imported after the pool has forked.
        router = router_of(self.app.conf)
        self.queue_slots = checked(self.app.conf.worker_queue_slots)
        if self.options.queues:
            asked, slots = told(self.options.queues)
            self.queue_slots |= slots
        elif (chosen := self.app.chosen_queues()) is not None:
            asked = chosen
        elif self.app.conf.task_queues:
            asked = [name for name in router.queues if self._was_configured(name)]
        else:
            asked = [router.defaults.queue]
        left = [name for name in asked if name not in self.options.exclude_queues]
        if not left:
            raise QueueNotFound(
                f"no queue is left to work on: asked for {asked}, excluded "
                f"{list(self.options.exclude_queues)}"
            )
        return [router.queue(name).name for name in left]

    def _was_configured(self, name: str) -> bool:
        queues: Any = self.app.conf.task_queues
        if isinstance(queues, Mapping):
            return name in queues
        return name in {getattr(queue, "name", queue) for queue in queues}

    def _runner(self) -> TaskRunner:
        app, life, prepare = self.app, self.life, self.options.prepare
        pool = str(self.options.pool or app.conf.worker_pool)
        return AppRunner(
            app,
            self.node,
            life.process_begins,
            life.process_ends,
            lambda: recipe_of(app, self.node, pool, prepare),
        )
