"""Carry out settlements where broker and backend are two systems.

A delivery is acknowledged only after all it promised is published and stored. Each step may be
repeated, so a crash at any point is mended by the redelivery.
"""

from collections.abc import Sequence

from ..domain.work.settlement import Settlement
from ..ports.broker import Broker
from ..ports.results import ResultBackend
from ..ports.settler import Settler


class SeparateSettler(Settler):
    """Publish, store, count, acknowledge: in this order, each in one round trip a batch."""

    def __init__(self, broker: Broker, results: ResultBackend, deadline: float) -> None:
        """Publish within `deadline` seconds or raise."""
        self._broker, self._results, self._deadline = broker, results, deadline

    @property
    def atomic(self) -> bool:
        """No: two systems cannot commit as one."""
        return False

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; see Settler.settle."""
        messages = [message for one in settlements for message in one.publish]
        if messages:
            self._broker.publish(messages, deadline=self._deadline)
        records = [record for one in settlements for record in one.results]
        if records:
            self._results.store(records)
        parts = [one.part for one in settlements if one.part is not None]
        if parts:
            self._results.count_parts(parts)
        return self._broker.settle([(one.token, one.disposition) for one in settlements])
