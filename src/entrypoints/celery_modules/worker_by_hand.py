"""A worker that is made, derived from and asked by code, in the words of Celery's controllers."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from ...application.commands import Node, about_worker, on_worker
from ..library.app import Celeriac
from ..worker import AppWorker, WorkerOptions
from .worker_package import WorkController

#: What `info` tells of what `stats` does.
BRIEF: Final = ("total", "pid", "clock", "uptime")


class WorkerByHand(WorkController):
    """What subclasses may override, and what may be asked while it runs."""

    #: What the process is to exit with, if `stop` was told.
    exitcode: int | None = None

    _closing = False

    def __init__(self, app: Celeriac, options: WorkerOptions | None = None) -> None:
        """Tell subclasses, and look at what is asked for."""
        self.app, options = app, options or WorkerOptions()
        told = {field.name: getattr(options, field.name) for field in fields(options)}
        self.on_before_init(**told)
        super().__init__(app, options)
        self.on_after_init(**told)

    # -- for subclasses to override

    def on_before_init(self, **kwargs: Any) -> None:
        """Be told of the options before anything is looked at; the app is there."""

    def on_after_init(self, **kwargs: Any) -> None:
        """Be told of the options when it has looked at them; pool and queues are there."""

    def on_start(self) -> None:
        """Be told that it begins; nothing has been opened yet."""

    def on_consumer_ready(self, consumer: Any) -> None:
        """Be told that it takes tasks from now on."""

    def on_close(self) -> None:
        """Be told, once, that it is to end."""

    def on_stopped(self) -> None:
        """Be told that it has ended."""

    # -- life

    def start(self, before: Callable[[AppWorker], None] = lambda worker: None) -> None:
        """Start it. Raises BrokerUnavailable, ImproperlyConfigured."""
        self.on_start()
        super().start(before)
        self.on_consumer_ready(self.consumer)

    def run(self, release: Callable[[], None] = lambda: None) -> None:
        """Work until stopped."""
        try:
            super().run(release)
        finally:
            self._close()
            self.on_stopped()

    def stop(
        self,
        in_sighandler: bool = False,
        exitcode: int | None = None,
        *,
        cold: bool = False,
        soft: float | None = None,
        idle: bool = False,
    ) -> None:
        """Ask for the end: warm by default; `terminate` has what runs ended too.

        `exitcode` is noted for whoever ends the process. `in_sighandler` changes nothing.
        """
        if exitcode is not None:
            self.exitcode = exitcode
        self._close()
        super().stop(cold=cold, soft=soft, idle=idle)

    def terminate(self, in_sighandler: bool = False) -> None:
        """Ask for the end, and give running tasks no time."""
        self.stop(in_sighandler, cold=True)

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self.on_close()

    # -- asking; while it runs only, and not from its own thread

    def stats(self) -> dict[str, Any]:
        """Return what it has done and what it is made of, as `inspect stats` does."""
        return about_worker.stats(self._node())

    def info(self) -> dict[str, Any]:
        """Return how many tasks it ran, by name, its process, clock and age in seconds."""
        stats = self.stats()
        return {name: stats[name] for name in BRIEF}

    def rusage(self) -> Mapping[str, Any]:
        """Return what its process has used."""
        return self._node().surroundings.process()["rusage"]  # type: ignore[no-any-return]

    def reload(self, modules: Any = None, reload: bool = False, reloader: Any = None) -> Any:
        """Replace the pool's processes, as `control pool_restart` does; see the setting of it.

        Raises ValueError unless `worker_pool_restarts` permits it, NotSupported.
        """
        return on_worker.pool_restart(self._node(), modules, reload, reloader)

    def _node(self) -> Node:
        if self._presence is None:
            raise RuntimeError("the worker has not been started: call start() first")
        return self._presence.node
