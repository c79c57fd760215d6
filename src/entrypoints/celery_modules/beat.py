"""`celery.beat`: schedulers to derive from, and beat to be run within a program."""

import socket
import threading
from typing import Any, Final

from ..beat import AppBeat, BeatOptions
from ..beat_control import BeatControl
from ..library.persistent_scheduler import PersistentScheduler
from ..library.schedule_entry import ScheduleEntry
from ..library.scheduler import (
    DEFAULT_MAX_INTERVAL,
    BeatLazyFunc,
    Scheduler,
    SchedulingError,
    event_t,
)
from ..node_names import node_name

__all__ = [
    "DEFAULT_MAX_INTERVAL",
    "NODENAME_DEFAULT",
    "BeatLazyFunc",
    "BeatPidbox",
    "EmbeddedService",
    "PersistentScheduler",
    "ScheduleEntry",
    "Scheduler",
    "SchedulingError",
    "Service",
    "beat_nodename",
    "event_t",
]

NODENAME_DEFAULT: Final = "celerybeat"


def beat_nodename(hostname: str | None = None) -> str:
    """Return what a beat is called, by the name that it was given: `celerybeat@host` without."""
    return node_name(hostname or f"{NODENAME_DEFAULT}@%h", socket.gethostname())


class BeatPidbox(BeatControl):
    """Answers remote control for a service: `ping`, while it looks at its schedule."""

    join_timeout = 3.0
    retry_interval = 5.0

    def __init__(self, service: "Service") -> None:
        """Answer nothing yet."""
        self.service, beat = service, service.beat.beat
        longest = beat.settings.max_interval.total_seconds()
        super().__init__(service.app, service.beat.node, beat.age, longest)
        self.state = {"app": service.app, "service": service}


class EmbeddedService(threading.Thread):
    """A beat on a thread of its own; arguments are those of `Service`."""

    def __init__(self, app: Any, max_interval: float | None = None, **kwargs: Any) -> None:
        """Run beat for this app; `thread` is accepted for Celery's sake, processes are not made.

        Whatever it is embedded in answers remote control, unless `remote_control` says otherwise.
        """
        kwargs.pop("thread", None)
        kwargs.setdefault("remote_control", False)
        super().__init__(name="Beat", daemon=True)
        self.app, self.service = app, Service(app, max_interval=max_interval, **kwargs)

    def run(self) -> None:
        """Send what is due until stopped."""
        self.app.set_current()
        self.service.start()

    def stop(self) -> None:
        """Stop, and wait for the end."""
        self.service.stop()
        self.join()


class Service:
    """A beat that is started and stopped by a program of one's own."""

    scheduler_cls: Any = PersistentScheduler

    def __init__(
        self,
        app: Any,
        max_interval: float | None = None,
        schedule_filename: str | None = None,
        scheduler_cls: Any = None,
        remote_control: bool | None = None,
        hostname: str | None = None,
    ) -> None:
        """Run beat for this app; with `remote_control` it answers ping (`BeatPidbox`)."""
        self.app, self.max_interval = app, max_interval
        self.schedule_filename, self.hostname = schedule_filename, hostname
        self.scheduler_cls = scheduler_cls or self.scheduler_cls
        asked = None if self.scheduler_cls is PersistentScheduler else self.scheduler_cls
        self.remote_control = remote_control
        options = BeatOptions(max_interval, schedule_filename, asked, hostname, remote_control)
        self.beat = AppBeat(app, options)

    def start(self, embedded_process: bool = False) -> None:
        """Send what is due until stopped. Raises BrokerUnavailable."""
        self.beat.start()
        self.beat.run()

    def stop(self, wait: bool = False) -> None:
        """Ask for the end."""
        self.beat.stop()

    def sync(self) -> None:
        """Nothing is left to be kept: it is kept with every tick."""

    def get_scheduler(self, lazy: bool = False, **_: Any) -> Any:
        """Return a scheduler of the class in use, to look at the schedule."""
        return self.scheduler_cls(
            app=self.app,
            schedule_filename=self.schedule_filename,
            max_interval=self.max_interval,
            lazy=lazy,
        )

    @property
    def scheduler(self) -> Any:
        """A scheduler of the class in use."""
        return self.get_scheduler()
