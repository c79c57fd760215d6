"""Tell of a worker what happens to it and its tasks: heartbeats, and task events in batches.

What must stay true: the hub never waits for it; while the store is away events are lost, and
nothing else is.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty
from typing import Final

from ..domain.cluster import events
from ..domain.cluster.events import Fields, Happening, Source, Vitals
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.cluster.speech import BusMessage
from ..domain.errors import CeleriacError
from ..ports.bus import Bus
from ..ports.clock import Clock
from .chronicle import Chronicle

logger = logging.getLogger("celeriac.worker")

#: How long it gathers after the first event, in seconds: one message holds what came meanwhile.
GATHERING: Final = 0.02
#: Seconds between heartbeats that one who was asked for says there are.
ASKED_FREQ: Final = 5
#: How often it looks whether it is to end, in seconds.
LOOK_SECONDS: Final = 1.0


class Reporter:
    """Tells of one worker, on a thread of its own. `channel` is the setting `event_exchange`."""

    def __init__(
        self,
        bus: Callable[[], Bus],
        channel: str,
        source: Source,
        chronicle: Chronicle,
        vitals: Callable[[], Vitals],
        logical: LogicalClock,
        clock: Clock,
        *,
        heartbeats: bool = True,
        beat_sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Tell nothing before `start`."""
        self._bus, self._channel, self._source = bus, channel, source
        self._chronicle, self._vitals = chronicle, vitals
        self._logical, self._clock = logical, clock
        self._heartbeats, self._beat_sent = heartbeats, beat_sent
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="celeriac-events", daemon=True)

    # -- asked for by remote control

    def enable(self) -> bool:
        """Tell of tasks; False if it does already."""
        before, self._chronicle.on = self._chronicle.on, True
        return not before

    def disable(self) -> bool:
        """Tell of tasks no more; False if it does not anyway."""
        before, self._chronicle.on = self._chronicle.on, False
        return before

    def heartbeat(self) -> None:
        """Tell at once that it is alive."""
        software = self._vitals().software
        self._say([self._event("worker-heartbeat", {"freq": ASKED_FREQ, **software})])

    # -- life

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the rest, and that the worker goes."""
        self._over.set()
        self._chronicle.happened.put(())
        self._thread.join(LOOK_SECONDS + 5)

    def _run(self) -> None:
        next_beat = self._clock.monotonic()
        online = False
        while not self._over.is_set():
            tick = self._clock.monotonic()
            if self._heartbeats and tick >= next_beat:
                vitals = self._vitals()
                self._beat("worker-heartbeat" if online else "worker-online", vitals)
                online, next_beat = True, tick + vitals.freq
            wait = next_beat - tick if self._heartbeats else LOOK_SECONDS
            self._tell(self._gathered(max(0.0, min(wait, LOOK_SECONDS))))
        self._tell(self._gathered(0.0))
        if self._heartbeats:
            self._beat("worker-offline", self._vitals())

    def _gathered(self, wait: float) -> list[Happening]:
        """Return what happens within some seconds, and shortly after."""
        queue, found = self._chronicle.happened, list[Happening]()
        try:
            found += queue.get(timeout=wait) if wait else queue.get_nowait()
            if wait:
                self._over.wait(GATHERING)
            while True:
                found += queue.get_nowait()
        except Empty:
            return found

    # -- saying

    def _tell(self, happenings: Sequence[Happening]) -> None:
        singles: list[Fields] = []
        tasks: list[Fields] = []
        for kind, when, fields in happenings:
            said = events.event(kind, self._source, when, self._logical.forward(), fields)
            (singles if kind == "task-sent" else tasks).append(said)
        self._say(singles, events.batched(self._channel, "task", tasks))

    def _beat(self, kind: str, vitals: Vitals) -> None:
        self._beat_sent()
        self._say([self._event(kind, events.alive(vitals))])

    def _event(self, kind: str, fields: Fields) -> Fields:
        now = self._clock.now().timestamp()
        return events.event(kind, self._source, now, self._logical.forward(), fields)

    def _say(self, singles: Sequence[Fields], batches: Sequence[BusMessage] = ()) -> None:
        messages = [*batches, *(events.single(self._channel, one) for one in singles)]
        if not messages:
            return
        try:
            self._bus().broadcast(messages)
        except CeleriacError as away:
            logger.debug("%d messages of events are lost: %s", len(messages), away)
        except Exception:
            logger.exception("events could not be said")
