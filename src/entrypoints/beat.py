"""The beat of an app: its parts put together, started and stopped as one.

It may be a process of its own or a thread of a worker: what it uses belongs to the app and is left
open when it stops.
"""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ..application.beat import Beat
from ..application.keep_beat import Beating, BeatSettings
from ..application.signals import beat_init
from ..domain.errors import ImproperlyConfigured
from ..domain.messaging.message import TaskMessage
from ..domain.schedules import All, CatchUp, Entry, Once, Skip
from ..domain.schedules.agenda import MAX_INTERVAL
from ..domain.tasks.options import merged
from .beat_control import BeatControl
from .celery_names import imported
from .library.app import Celeriac
from .library.asking import Call, asked
from .library.once import Wish, first_of_their_kind, wish_of
from .library.periodic import AppSchedule
from .node_names import node_name

if TYPE_CHECKING:
    from .library.scheduler import Scheduler
    from .wrapped_scheduler import WrappedScheduler

logger = logging.getLogger("celeriac.beat")

#: Messages of unique tasks that may still be published.
WISHES: Final = 1000

#: All names of the one scheduler there is.
SCHEDULERS: Final = frozenset(
    f"{package}.beat{mark}{cls}"
    for package in ("celeriac", "celery")
    for mark in (".", ":")
    for cls in ("PersistentScheduler", "Scheduler")
)

_POLICIES: Final[Mapping[str, CatchUp]] = {"once": Once(), "skip": Skip(), "all": All()}


@dataclass(frozen=True, slots=True)
class BeatOptions:
    """What a beat is told when it is started; None follows the settings. Times are seconds."""

    max_interval: float | None = None
    schedule_filename: str | None = None
    scheduler: str | None = None
    hostname: str | None = None
    remote_control: bool | None = None


class AppBeat:
    """One beat of one app. Make it, `start` it, `run` it; `stop` it from anywhere.

    `run` may be the target of a thread: a worker's embedded beat.
    """

    def __init__(self, app: Celeriac, options: BeatOptions | None = None) -> None:
        """Put the parts together; nothing is opened yet. Raises ImproperlyConfigured."""
        self.app, self.options = app, options or BeatOptions()
        app.finalize()
        self.node = node_name(self.options.hostname or "celerybeat@%h", socket.gethostname())
        self.schedule = AppSchedule(app)
        container = app.container
        self._wishes: dict[str, Wish] = {}
        self._wrapped = self._who_wraps()
        asked: Any = self.options.scheduler or app.conf.beat_scheduler
        self.beat: Beating
        if asked in SCHEDULERS:
            self.beat = Beat(
                self._settings(),
                self.schedule,
                self._message,
                self._publish,
                container.schedule_store(),
                container.coordinator(),
                container.clock(),
            )
        else:
            self.beat = self._foreign(asked)
        self._control: BeatControl | None = None
        self._scheduler: Scheduler | None = None

    # -- life

    def start(self) -> None:
        """Read the schedule and reach the store, so that what is wrong is said at once.

        Raises ImproperlyConfigured, BrokerUnavailable.
        """
        if self.options.schedule_filename and isinstance(self.beat, Beat):
            logger.warning(
                "beat: no schedule file is needed, %r is not used: last runs are kept beside the "
                "broker's messages",
                self.options.schedule_filename,
            )
        if isinstance(self.beat, Beat):  # one of somebody's own is not there yet
            beat_init.send(sender=self)
        self.schedule()
        self.app.broker.open()
        self.app.container.schedule_store().open()
        logger.info("beat: Starting as %s", self.node)

    def run(self) -> None:
        """Send what is due until stopped; answers remote control meanwhile, if it is to."""
        if self.answers:
            self.control.start()
        try:
            self.beat.run()
        finally:
            if self._control is not None:
                self._control.stop()

    def stop(self) -> None:
        """Ask for the end, from any thread or a signal handler; returns at once."""
        self.beat.stop()

    @property
    def scheduler(self) -> "Scheduler":
        """What decides what is due: somebody's own once it leads, else a view of the schedule."""
        from .library.scheduler import Scheduler

        if self._scheduler is None:
            self._scheduler = Scheduler(self.app, lazy=False)
        return self._scheduler

    @property
    def answers(self) -> bool:
        """Whether it is to answer remote control."""
        asked = self.options.remote_control
        return bool(self.app.conf.beat_enable_remote_control if asked is None else asked)

    @property
    def control(self) -> BeatControl:
        """What answers remote control."""
        if self._control is None:
            longest = self.beat.settings.max_interval.total_seconds()
            self._control = BeatControl(self.app, self.node, self.beat.age, longest)
        return self._control

    # -- parts

    def _who_wraps(self) -> "WrappedScheduler | None":
        """Return what passes entries through `celery.beat.Scheduler.apply_entry`, if wrapped."""
        if imported("celery.beat") is None:
            return None
        from .wrapped_scheduler import wrapped_scheduler

        return wrapped_scheduler(self.app)

    def _message(self, entry: Entry, extra: Mapping[str, Any]) -> TaskMessage:
        """Make the message of an entry, as calling its task would."""
        # The entry's own task_id wins, and its headers join those of beat.
        options = merged({"task_id": extra["task_id"]}, entry.options)
        options["headers"] = {**(options.get("headers") or {}), **extra["headers"]}
        task = self.app.tasks.get(entry.task)
        args, kwargs = entry.args, entry.kwargs
        own = self._asked(entry, task, options)
        if own is not None:
            args, kwargs, options = own[0], own[1], dict(own[2])
        elif task is not None:
            if self.app.strict_typing and task.typing is not False:
                task.check_arguments(args, kwargs)
            options = merged(task.resolved.call_defaults, options)
            if task.resolved.ignore_result:
                options.setdefault("ignore_result", True)
        message = self.app.sending.message(entry.task, args, kwargs, options)
        if task is not None and task.unique not in (None, False):
            if wish := wish_of(self.app, task, entry.args, entry.kwargs, options):
                self._wishes[message.id] = wish
            if len(self._wishes) > WISHES:  # of ticks that other beats have sent
                del self._wishes[next(iter(self._wishes))]
        return message

    def _asked(self, entry: Entry, task: Any, options: Mapping[str, Any]) -> Call | None:
        """Return the call as others would have it: who wraps schedulers, or the task itself."""
        if self._wrapped is not None:
            return self._wrapped.asked(entry, options)
        return None if task is None else asked(self.app, task, entry.args, entry.kwargs, options)

    def _publish(self, messages: Sequence[TaskMessage]) -> None:
        """Publish, but no call of a unique task that is still on its way."""
        if self._wishes:
            wanted = [(message, self._wishes.get(message.id)) for message in messages]
            kept = first_of_their_kind(self.app, wanted)
            for message, sent in zip(messages, kept, strict=True):
                if sent is None:
                    logger.info("beat: not sending %s: it is unique, and on its way", message.task)
            self.app.sending.publish([message for message in kept if message is not None])
            for message in messages:
                self._wishes.pop(message.id, None)
        else:
            self.app.sending.publish(messages)

    def _settings(self) -> BeatSettings:
        conf, app = self.app.conf, self.app
        if conf.beat_lease <= 0:
            raise ImproperlyConfigured(
                f"beat_lease={conf.beat_lease!r}: expected more than 0 seconds, such as 15"
            )
        late = conf.beat_cron_starting_deadline
        return BeatSettings(
            holder=f"{self.node}/{os.getpid()}/{app.new_id()}",
            scope=app.main if app.main and app.main != "__main__" else "",
            lease=conf.beat_lease,
            zone=app.timezone,
            catch_up=_POLICIES[conf.beat_missed_ticks],
            cron_starting_deadline=None if late is None else timedelta(seconds=late),
            max_interval=self._max_interval(),
        )

    def _max_interval(self) -> timedelta:
        # 0 leaves it to the scheduler.
        seconds = self.options.max_interval or self.app.conf.beat_max_loop_interval
        return timedelta(seconds=seconds) if seconds else MAX_INTERVAL

    def _foreign(self, asked: Any) -> Beating:
        """Return what runs a scheduler class of somebody's own."""
        from .foreign_scheduler import ForeignBeat, make_scheduler, scheduler_class

        cls, options, container = scheduler_class(asked), self.options, self.app.container

        def make() -> "Scheduler":
            self._scheduler = made = make_scheduler(
                self.app, cls, options.max_interval, options.schedule_filename
            )
            beat_init.send(sender=self)  # who hears it may lay a lock on `sender.scheduler`
            return made

        return ForeignBeat(self._settings(), make, container.coordinator(), container.clock())
