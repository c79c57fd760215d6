"""The parts of an app: broker, results and what works on them, made anew in each process."""

import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from ...domain.settings import Settings

if TYPE_CHECKING:
    from ...application.fetch_results import Fetching
    from ...application.send import Sending
    from ...ports.broker import Broker
    from ...ports.clock import Clock
    from ...ports.results import ResultBackend
    from ..container import Container

#: What begins most URLs of results: nobody's own class.
_USUAL: Final = frozenset({"redis", "rediss", "sqlite", "postgresql", "memory", "rpc", "disabled"})

_living: "weakref.WeakSet[AppParts]" = weakref.WeakSet()
_making = Lock()


class AppParts:
    """Holds the settings and the container of an app; nothing is made before it is asked for."""

    conf: Settings

    def __init__(self, clock: "Clock | None") -> None:
        """Live by this clock; None: the host's."""
        self.conf = Settings()
        #: Ready adapters in place of URLs, by the name of their part.
        self.given: dict[str, Any] = {"clock": clock}
        self._container: Container | None = None
        self._sending: Sending | None = None
        self._ids: Callable[[], str] | None = None
        self._pid = os.getpid()
        _living.add(self)

    @property
    def container(self) -> "Container":
        """The parts this app is made of, made anew in each process."""
        found = self._container
        if found is None or self._pid != os.getpid():
            self.finalize()
            # One lock for all apps will do, and a fork leaves it free: nothing is opened under it.
            with _making:
                if self._container is None or self._pid != os.getpid():
                    self._sending = None
                    self._ids, self._pid = None, os.getpid()
                    self._container = self._make_container()
                found = self._container
        return found

    def _make_container(self) -> "Container":
        from ..container import Container, ready_made

        made = Container(settings=self.conf)
        for name, key in (("given_broker", "broker"), ("given_results", "results")):
            if self.given.get(key) is not None:
                getattr(made, name).override(ready_made(self.given[key]))
        if self._may_have_own_backend():
            self._take_own_backend(made)
        if self.given["clock"] is not None:
            made.clock.override(ready_made(self.given["clock"]))
        return made

    def _may_have_own_backend(self) -> bool:
        """Tell, at no cost, whether results may be kept by a class of somebody's own."""
        if isinstance(self.given.get("results"), type):
            return True
        asked: Any = self.conf.result_backend if self.given.get("results") is None else None
        if not isinstance(asked, str):
            return isinstance(asked, type)
        return asked.partition("://")[0] not in _USUAL

    def _take_own_backend(self, made: "Container") -> None:
        from ..container import made_by
        from ..own_backend import make_own_results, own_backend

        app: Any = self
        found = own_backend(app)
        if found is not None:
            made.results.override(made_by(lambda: make_own_results(app, made, *found)))

    @property
    def sending(self) -> "Sending":
        """What sends messages."""
        container = self.container
        if self._sending is None:
            self._sending = container.sending()
            self._sending.complete = self._completed
            self._sending.surround = self._announced
            if self.conf.task_send_sent_event:
                from ..speaking import sent_events

                self._sending.on_sent = sent_events(self)
        return self._sending

    def _announced(self) -> Any:
        """Return what shows messages to wrappers of kombu's `publish`; None: there are none."""
        kombu = sys.modules.get("kombu.messaging")
        if kombu is None or kombu.Producer.publish.__module__ == "kombu.messaging":
            return None
        from .announcing import announced

        app: Any = self
        return partial(announced, app)

    def _completed(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        known: Any = self
        task = known.tasks.get(name)
        if task is None or task.concurrency_key is None:
            return options
        from .limits import headers_of_limits

        return headers_of_limits(task, args, kwargs, options)

    @property
    def fetching(self) -> "Fetching":
        """What reads results."""
        return self.container.fetching()

    @property
    def broker(self) -> "Broker":
        """The broker."""
        return self.container.broker()

    @property
    def results(self) -> "ResultBackend":
        """The result backend."""
        return self.container.results()

    def finalize(self, auto: bool = False) -> None:
        """Let settings be completed, before the first part is made of them."""

    def after_fork(self) -> None:
        """Called in a process that was forked."""

    @property
    def clock(self) -> "Clock":
        """The clock it lives by."""
        if self.given["clock"] is None:
            from ..choices import host_clock

            self.given["clock"] = host_clock()
        clock: Clock = self.given["clock"]
        return clock

    def new_id(self) -> str:
        """Return a new task id."""
        if self._ids is None:
            self._ids = self.container.entropy().new_id
        return self._ids()

    def fraction(self) -> float:
        """Return a random number in [0, 1)."""
        return self.container.entropy().fraction()

    @property
    def hostname(self) -> str:
        """This host's name."""
        return os.uname().nodename

    def now(self) -> Any:
        """Return the present time in the app's timezone."""
        return self.container.clock().now().astimezone(self.timezone)

    @property
    def timezone(self) -> Any:
        """The timezone of schedules: the setting `timezone`, else UTC (or the host's)."""
        from .timezones import zone_of

        return zone_of(self.conf.timezone, utc=self.conf.enable_utc)

    def let_go(self) -> None:
        """Close what this process has opened."""
        if self._container is not None and self._pid == os.getpid():
            self._container.stores().close()
        self._container = None


def _forget_connections_after_fork() -> None:
    global _making
    _making = Lock()
    for app in _living:
        app._container = None
        app.after_fork()


os.register_at_fork(after_in_child=_forget_connections_after_fork)
