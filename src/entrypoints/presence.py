"""A worker among others: it answers remote control, and tells of itself by events."""

import os
import platform
from typing import TYPE_CHECKING, Final

from .. import __version__
from ..application.answer_control import Answering
from ..application.commands import Node
from ..application.meet_neighbours import Mingling
from ..application.report_events import Reporter
from ..application.signals import heartbeat_sent
from ..application.watch_neighbours import Gossip
from ..domain.cluster.events import IDENT, Source, Vitals
from .speaking import utc_offset
from .surroundings import AppSurroundings

if TYPE_CHECKING:
    from ..application.work import Worker
    from ..ports.bus import Bus
    from .worker import AppWorker

#: Seconds between heartbeats, as in Celery.
HEARTBEAT_SECONDS: Final = 2.0
SOFTWARE: Final = {"sw_ident": IDENT, "sw_ver": __version__, "sw_sys": platform.system()}


class Presence:
    """What one worker says and hears on the bus."""

    def __init__(self, outer: "AppWorker", worker: "Worker", *, answers: bool) -> None:
        """Say and hear nothing yet; `answers`: to remote control."""
        self._outer, self._worker = outer, worker
        app, options = outer.app, outer.options
        container, conf = app.container, app.conf
        self._bus: Bus = container.bus()
        self._freq = float(options.heartbeat_interval or HEARTBEAT_SECONDS)
        worker.chronicle.on = bool(conf.worker_send_task_events)
        worker.chronicle.tells_of_sending = bool(conf.task_send_sent_event)
        # Where each heartbeat is a write to disk it is sent only if events are asked for.
        wanted = options.heartbeat is not False
        beats = wanted and (worker.chronicle.on or not self._bus.is_costly)
        source = Source(outer.node, utc_offset(), os.getpid())
        self.reporter = Reporter(
            lambda: self._bus,
            conf.event_exchange,
            source,
            worker.chronicle,
            self._vitals,
            container.logical(),
            container.clock(),
            heartbeats=beats,
            beat_sent=self._beat_sent,
        )
        # Where each word is a write to disk the others are neither greeted nor listened to.
        among_others = answers and not self._bus.is_costly
        #: What is known of the other workers, if they are listened to.
        self.gossip: Gossip | None = None
        if among_others and options.gossip is not False:
            self.gossip = Gossip(
                self._bus,
                conf.event_exchange,
                source,
                container.logical(),
                container.clock(),
                lambda action: app.signature(action).apply_async(),
            )
        limits = (conf.task_soft_time_limit, conf.task_time_limit)
        self.node = Node(
            outer.node,
            worker,
            AppSurroundings(outer, limits),
            worker.chronicle,
            self.reporter,
            container.logical(),
            container.clock(),
            self.gossip,
        )
        answering = Answering(self.node, self._bus, conf.control_exchange, self.gossip)
        self._answering = answering if answers else None
        self._mingling: Mingling | None = None
        if among_others and options.mingle is not False:
            self._mingling = Mingling(
                self._bus,
                conf.control_exchange,
                outer.node,
                worker.ask,
                container.logical(),
                container.clock(),
            )

    def listen(self) -> None:
        """Begin to hear: what is asked from now on is answered once the worker runs."""
        if self._answering is not None:
            self._answering.start()

    def speak(self) -> None:
        """Begin to say."""
        self.reporter.start()
        if self._mingling is not None:
            self._mingling.start()

    def stop(self) -> None:
        """Say good-bye."""
        if self._mingling is not None:
            self._mingling.stop()
        if self._answering is not None:
            self._answering.stop()
        self.reporter.stop()

    def _vitals(self) -> Vitals:
        totals = self._worker.chronicle.totals
        return Vitals(
            freq=self._freq,
            active=self._worker.core.running,
            processed=sum(totals.copy().values()),
            loadavg=[round(load, 2) for load in os.getloadavg()],
            software=SOFTWARE,
        )

    def _beat_sent(self) -> None:
        if heartbeat_sent.receivers:
            heartbeat_sent.send(sender=self._outer)
