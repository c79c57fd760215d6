"""When the hub need not look for messages: it has just seen that there are no more.

A claim that came short leaves the queues empty, until something is settled that may have put
something there; what others send is for the intake to wait for. And while all that runs is over
in a moment, the intake is not set to wait either: for each link of a chain it would be woken in
vain.
"""

from ..domain.work.capacity import SHORT
from ..ports.clock import Clock


class Lull:
    """What the hub remembers of its last claim."""

    def __init__(self, clock: Clock) -> None:
        """Go by this clock."""
        self._clock = clock
        #: Whether there was nothing more to claim.
        self.is_known = False
        #: Until when nobody is set to wait for messages, in monotonic seconds.
        self.until: float | None = None

    def looked(self, found: int, limit: int) -> None:
        """Note how many messages a claim found."""
        self.is_known = found < limit

    def over(self) -> None:
        """Note that something was settled."""
        self.is_known, self.until = False, None

    def goes_on(self, *, brief: bool) -> bool:
        """Tell whether to let a moment pass; `brief` says that what runs is over by then."""
        if not brief:
            self.until = None
            return False
        tick = self._clock.monotonic()
        if self.until is None:
            self.until = tick + SHORT
        return tick < self.until
