"""Lead by lease: of all who ask for one name, one holds it, and is followed when it falls silent.

A leader that is silent is followed within `lease` seconds: what is taken from the coordinator is
three quarters of that, and everybody looks every quarter. Two may believe to lead for a moment (one
of them was paused), so what a leader does must be safe by other means.
"""

from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable
from ..ports.clock import Clock
from ..ports.coordinator import Coordinator, Grant

_AWAY: Final = (BrokerUnavailable, BackendUnavailable)
#: Seconds before a leader that cannot reach the coordinator tries to prolong its lease again.
_RETRY: Final = 1.0


class Leadership:
    """One who leads, or stands by. Used by one thread."""

    def __init__(
        self, coordinator: Coordinator, clock: Clock, name: str, holder: str, lease: float
    ) -> None:
        self._coordinator, self._clock = coordinator, clock
        self._name, self._holder = name, holder
        self.quarter = lease / 4
        self._grant: Grant | None = None
        self._renew_at = self._ends = 0.0

    def held(self) -> Grant | None:
        """Take or prolong the lease if it is time; None while another leads.

        Another grant than the last time means that somebody else may have led in between. Raises
        BrokerUnavailable when the coordinator is away and the lease, if there was one, is over.
        """
        at = self._clock.monotonic()
        if self._grant is not None and at < self._renew_at:
            return self._grant
        try:
            self._grant = self._coordinator.acquire(self._name, self._holder, 3 * self.quarter)
        except _AWAY:
            if at >= self._ends:
                self._grant = None
            if self._grant is None:
                raise
            self._renew_at = at + min(_RETRY, self.quarter)
            return self._grant
        self._renew_at, self._ends = at + self.quarter, at + 3 * self.quarter
        return self._grant

    def release(self) -> None:
        """Let another lead at once.

        Raises BrokerUnavailable: another leads when the lease is over.
        """
        grant, self._grant = self._grant, None
        if grant is not None:
            self._coordinator.release(grant)
