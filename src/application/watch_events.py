"""Listen to events and hand each to whoever handles its type."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..domain.cluster.events import events_in, localized
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.cluster.speech import Topic
from ..domain.errors import BrokerUnavailable
from ..ports.bus import Bus, Subscription
from ..ports.clock import Clock

Handler = Callable[[dict[str, Any]], object]

#: How long one look at the bus waits at most, in seconds.
LOOK_SECONDS: Final = 1.0
#: The pause while the store is away, in seconds.
PAUSE_SECONDS: Final = 1.0


class Watching:
    """Listens to the events of one channel. `utcoffset` is hours west of UTC, the listener's."""

    def __init__(
        self,
        bus: Bus,
        topic: Topic,
        handlers: Mapping[str, Handler],
        logical: LogicalClock,
        clock: Clock,
        utcoffset: float,
    ) -> None:
        """Hand events to `handlers`, by type; `*` gets those whose type has none."""
        self._bus, self._topic, self.handlers = bus, topic, handlers
        self._logical, self._clock, self._utcoffset = logical, clock, utcoffset
        self._ear: Subscription | None = None
        self.should_stop = False

    def listen(self) -> None:
        """Begin to hear; nothing said from now on is missed."""
        if self._ear is None:
            self._ear = self._bus.subscribe([self._topic])

    def capture(self, limit: int | None = None, timeout: float | None = None) -> Iterator[int]:
        """Handle messages until `limit` of them came, `should_stop` is set, or none for `timeout`.

        Yields after each message how many there were. Raises TimeoutError when for `timeout`
        seconds none came, BrokerUnavailable if the store is away before the first.
        """
        self.listen()
        count, heard_at = 0, self._clock.monotonic()
        while not self._is_over(count, limit):
            if timeout is not None and self._clock.monotonic() - heard_at >= timeout:
                raise TimeoutError(f"no event came for {timeout:g} s")
            for body in self._look(timeout):
                heard_at = self._clock.monotonic()
                self.take_in(body)
                count += 1
                yield count
                if self._is_over(count, limit):
                    return

    def _is_over(self, count: int, limit: int | None) -> bool:
        return self.should_stop or (limit is not None and count >= limit)

    def take_in(self, body: Any) -> None:
        """Handle the events of one message."""
        for event in events_in(body):
            kind, prepared = self.prepared(event)
            handler = self.handlers.get(kind) or self.handlers.get("*")
            if handler is not None:
                handler(prepared)

    def prepared(self, event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return type and event, with its times as the listener's and the clock taken in."""
        kind = str(event["type"])
        if kind == "task-sent":
            # Clients never meet, so their clocks say nothing.
            event["clock"] = (self._logical.value or 1) - 1
        elif "clock" not in event:
            event["clock"] = self._logical.forward()
        self._logical.adjust(event["clock"])
        received_at = self._clock.now().timestamp()
        return kind, localized(event, utcoffset=self._utcoffset, received_at=received_at)

    def close(self) -> None:
        """Hear nothing more."""
        self.should_stop = True
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    def _look(self, timeout: float | None) -> list[Any]:
        assert self._ear is not None
        wait = LOOK_SECONDS if timeout is None else min(timeout, LOOK_SECONDS)
        try:
            return [said.body for said in self._ear.receive(wait)]
        except BrokerUnavailable:
            # Events are missed meanwhile; the subscription resumes by itself.
            self._clock.wait(PAUSE_SECONDS)
            return []
