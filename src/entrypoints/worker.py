"""A worker of an app: its parts put together, started and stopped as one."""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..application.answer_control import Answering
from ..application.run_task import RunSettings, TaskRunner
from ..application.work import Worker, WorkSettings
from ..domain.errors import QueueNotFound
from ..domain.tasks.options import TaskOptions
from ..domain.work.core import WorkerCore, WorkerPolicy
from ..ports.pool import Pool
from .container import make_pool
from .library.app import Celeriac
from .node_names import node_name


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker is told when it is started; None follows the settings. Times are seconds."""

    hostname: str | None = None
    pool: str | Pool | None = None
    concurrency: int | None = None
    queues: Sequence[str] | None = None
    exclude_queues: Sequence[str] = ()
    prefetch_multiplier: int | None = None
    disable_prefetch: bool | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    remote_control: bool | None = None
    grace_period: float | None = None


class AppWorker:
    """One worker of one app. Make it, `start` it, `run` it; `stop` it from anywhere."""

    def __init__(self, app: Celeriac, options: WorkerOptions | None = None) -> None:
        """Put the parts together; nothing is opened yet."""
        self.app, self.options = app, options or WorkerOptions()
        conf = app.conf
        self.node = node_name(self.options.hostname, socket.gethostname())
        self.pool = self._pool()
        self.queues = self._queues()
        runner = self._runner()
        container = app.container
        core = WorkerCore(self._policy(), self._find_options, container.result_codec())
        self.worker = Worker(
            WorkSettings(
                node=self.node,
                queues=self.queues,
                lease=conf.worker_lease,
                grace=_first(self.options.grace_period, conf.worker_grace_period),
            ),
            core,
            container.broker(),
            container.settler(),
            container.results(),
            self.pool,
            runner,
            container.clock(),
        )
        self._answering: Answering | None = None

    # -- life

    def start(self) -> None:
        """Start the pool, join the cluster, listen. Raises BrokerUnavailable."""
        self.worker.start()
        container, conf = self.app.container, self.app.conf
        router = container.router()
        container.broker().declare([router.queue(name) for name in self.queues])
        if _first(self.options.remote_control, conf.worker_enable_remote_control):
            self._answering = Answering(self.worker, container.bus(), container.clock(), self.node)
            self._answering.start()

    def run(self) -> None:
        """Work until stopped; a pool that wants the main thread gets the calling one."""
        run_main = getattr(self.pool, "run_main", None)
        if getattr(self.pool, "wants_main_thread", False) and run_main is not None:
            hub = threading.Thread(target=self._run_hub, name="celeriac-hub")
            hub.start()
            run_main()
            hub.join()
        else:
            self._run_hub()

    def _run_hub(self) -> None:
        try:
            self.worker.run()
        finally:
            if self._answering is not None:
                self._answering.stop()

    def stop(self, *, cold: bool = False) -> None:
        """Ask for the end: warm by default, cold gives running tasks no grace."""
        self.worker.stop(cold=cold)

    # -- parts

    def _pool(self) -> Pool:
        asked = self.options.pool or self.app.conf.worker_pool
        if not isinstance(asked, str):
            return asked  # type: ignore[no-any-return]
        return make_pool(self.app.conf, asked, self._slots())

    def _slots(self) -> int:
        asked: Any = self.options.concurrency or self.app.conf.worker_concurrency
        if asked in (None, "auto"):
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        return int(asked)

    def _queues(self) -> list[str]:
        router = self.app.container.router()
        if self.options.queues:
            asked = list(self.options.queues)
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

    def _policy(self) -> WorkerPolicy:
        conf, options = self.app.conf, self.options
        return WorkerPolicy(
            slots=self.pool.slots or self._slots(),
            prefetch_multiplier=_first(
                options.prefetch_multiplier, conf.worker_prefetch_multiplier
            ),
            disable_prefetch=_first(options.disable_prefetch, conf.worker_disable_prefetch),
            max_crashes=conf.task_max_crashes,
            time_limit=_first(options.time_limit, conf.task_time_limit),
            soft_time_limit=_first(options.soft_time_limit, conf.task_soft_time_limit),
            disable_rate_limits=conf.worker_disable_rate_limits,
            result_serializer=conf.result_serializer,
        )

    def _find_options(self, name: str) -> TaskOptions | None:
        task = self.app.tasks.get(name)
        return None if task is None else task.resolved

    def _runner(self) -> TaskRunner:
        conf, app = self.app.conf, self.app
        keeps = app.container.results().capabilities.max_bytes
        limits = [limit for limit in (conf.result_max_bytes, keeps) if limit]
        return TaskRunner(
            app.tasks.get,
            app.container.codec(),
            lambda: app.sending,
            app.container.clock(),
            RunSettings(
                node=self.node,
                result_serializer=conf.result_serializer,
                result_extended=conf.result_extended,
                result_max_bytes=min(limits, default=None),
            ),
        )


def _first(asked: Any, setting: Any) -> Any:
    return setting if asked is None else asked
