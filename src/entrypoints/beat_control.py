"""Beat as remote control reaches it: a node that answers `ping` while it ticks, and nothing else.

What must stay true: a beat that hangs says nothing, so that whoever watches it takes it for gone.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..application.answer_control import Hearing
from ..domain.cluster.control import Request
from ..domain.cluster.speech import BusMessage

if TYPE_CHECKING:
    from .library.app import Celeriac

logger = logging.getLogger("celeriac.beat")

#: The shortest time after which a beat that does not tick counts as hanging, in seconds.
MIN_TICK_AGE: Final = 60.0
#: Looks at the schedule that may be missed.
MISSED_LOOKS: Final = 2


class BeatControl(Hearing):
    """Answers for one beat.

    Args:
        app: Whose site it is.
        hostname: What the beat is called.
        tick_age: Tells the seconds since beat has looked at the schedule; None: it has not yet.
        max_interval: The longest time between two looks, in seconds.
    """

    min_tick_age = MIN_TICK_AGE

    def __init__(
        self,
        app: "Celeriac",
        hostname: str,
        tick_age: Callable[[], float | None],
        max_interval: float,
    ) -> None:
        container = app.container
        super().__init__(hostname, container.bus(), app.conf.control_exchange, container.logical())
        self.app, self.hostname = app, hostname
        self._tick_age, self._max_interval = tick_age, max_interval

    @property
    def max_tick_age(self) -> float:
        """After how many seconds without a look beat says nothing; 0: it always answers."""
        asked: float | None = self.app.conf.beat_remote_control_max_tick_age
        if asked is not None:
            return asked
        return max(MISSED_LOOKS * self._max_interval, self.min_tick_age)

    def tick_age(self) -> float | None:
        """Return the seconds since beat has looked at the schedule; None: it has not yet."""
        return self._tick_age()

    def is_stale(self) -> bool:
        """Tell whether beat hangs."""
        age, most = self.tick_age(), self.max_tick_age
        return bool(most) and age is not None and age > most

    def fanout_support(self) -> tuple[bool, str]:
        """Return whether the broker carries remote control, and what kind of broker it is."""
        return self._bus.carries, self.app.connection().transport.driver_type

    def start(self) -> None:
        """Begin to listen, if the broker carries remote control."""
        able, kind = self.fanout_support()
        if not able:
            logger.warning("beat: no remote control: a broker of the kind %r carries none", kind)
            return
        super().start()

    def stop(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            super().stop()

    def on_message(self, body: Any, message: Any) -> None:
        """Answer a message that was received by other means."""
        headers = getattr(message, "headers", None) or {}
        self.answer(BusMessage(self._channel, body, headers=headers))

    def _look_around(self) -> None:
        """Nothing is to be done."""

    def _carry_out(self, request: Request) -> None:
        if request.method != "ping":
            logger.debug("beat: passed over %r, which is for workers", request.method)
        elif self.is_stale():
            logger.warning(
                "beat: no answer to ping: it has not looked at the schedule for %g s, which is "
                "more than %g s (beat_remote_control_max_tick_age)",
                self.tick_age(),
                self.max_tick_age,
            )
        else:
            self._reply(request, {"ok": "pong"})
