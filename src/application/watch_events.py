"""Hear events, and read what they say: times as the listener's, the logical clock taken in."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from ..domain.cluster.events import localized
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.cluster.speech import BusMessage, Topic
from ..ports.bus import Bus, Subscription
from ..ports.clock import Clock

#: What a client's clock is behind the listener's: clients never meet, so their own says nothing.
CLIENT_SKEW: Final = -1

#: Gives an event its time, by (event, unix seconds at which it was received).
Localize = Callable[[dict[str, Any], float], dict[str, Any]]


class Watching:
    """Listens to the events of some topics. `utcoffset` is hours west of UTC, the listener's."""

    def __init__(
        self, bus: Callable[[], Bus], logical: LogicalClock, clock: Clock, utcoffset: float
    ) -> None:
        """Hear nothing yet; the bus is made when it is needed."""
        self._bus, self._logical, self._clock = bus, logical, clock
        self._utcoffset = utcoffset
        self._topics: Sequence[Topic] = ()
        self._ear: Subscription | None = None

    def listen(self, topics: Sequence[Topic]) -> None:
        """Hear these topics; nothing said from now on is missed. Raises BrokerUnavailable."""
        if self._ear is not None and list(topics) == list(self._topics):
            return
        self.close()
        if topics:
            self._ear = self._bus().subscribe(topics)
        self._topics = topics

    def look(self, wait: float) -> Sequence[BusMessage]:
        """Return what was said; waits up to so many seconds for the first.

        Raises BrokerUnavailable; events are missed meanwhile, and calling again resumes.
        """
        ear = self._ear
        if ear is None:
            self._clock.wait(wait)
            return ()
        return ear.receive(wait)

    def prepared(
        self,
        event: dict[str, Any],
        skew: int = CLIENT_SKEW,
        received_at: float | None = None,
        localize: Localize | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Return type and event, with its times as the listener's and the clock taken in."""
        kind = str(event["type"])
        if kind == "task-sent":
            event["clock"] = (self._logical.value or 1) + skew
        elif "clock" not in event:
            event["clock"] = self._logical.forward()
        self._logical.adjust(event["clock"])
        when = self._clock.now().timestamp() if received_at is None else received_at
        if localize is not None:
            return kind, localize(event, when)
        return kind, localized(event, utcoffset=self._utcoffset, received_at=when)

    def close(self) -> None:
        """Hear nothing more."""
        ear, self._ear, self._topics = self._ear, None, ()
        if ear is not None:
            ear.close()
