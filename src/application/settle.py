"""Carry out settlements where broker and backend are two systems.

A delivery is acknowledged only after all it promised is published and stored. Each step may be
repeated, so a crash at any point is mended by the redelivery.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..domain.errors import QueueNotFound, SettlementRefused
from ..domain.messaging.delivery import Token
from ..domain.work.settlement import Settlement
from ..ports.broker import Broker
from ..ports.results import ResultBackend
from ..ports.settler import Settler


class SeparateSettler(Settler):
    """Publish, store, count, acknowledge: in this order, each in one round trip a batch."""

    def __init__(self, broker: Broker, results: ResultBackend, deadline: float) -> None:
        """Publish within `deadline` seconds or raise."""
        self._broker, self._results, self._deadline = broker, results, deadline
        #: What is published and not yet acknowledged, so that an attempt which failed after that
        #: step does not publish again each time it is repeated.
        self._published: set[Token] = set()

    @property
    def atomic(self) -> bool:
        """Never: a crash between two steps is mended by the redelivery."""
        return False

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; see Settler.settle."""
        self._check_sizes(settlements)
        self._publish(settlements)
        records = [record for one in settlements for record in one.results]
        if records:
            self._results.store(records)
        parts = [one.part for one in settlements if one.part is not None]
        if parts:
            self._results.count_parts(parts)
        settled = self._broker.settle([(one.token, one.disposition) for one in settlements])
        self._published.difference_update(one.token for one in settlements)
        return settled

    def _check_sizes(self, settlements: Sequence[Settlement]) -> None:
        """Refuse what the store would refuse, before anything is published."""
        limit = self._results.capabilities.max_bytes
        if limit is None:
            return
        for index, settlement in enumerate(settlements):
            for record in settlement.results:
                size = len(record.result.data) if record.result else 0
                if size > limit:
                    why = f"a result of {size} bytes, and {self._results.url} holds {limit}"
                    raise SettlementRefused(index, why)

    def _publish(self, settlements: Sequence[Settlement]) -> None:
        fresh = {
            index: one
            for index, one in enumerate(settlements)
            if one.publish and one.token not in self._published
        }
        if not fresh:
            return
        messages = [message for one in fresh.values() for message in one.publish]
        try:
            self._broker.publish(messages, deadline=self._deadline)
        except QueueNotFound as lost:
            # Nothing of the batch was stored; which message it was, only the broker knows.
            raise SettlementRefused(next(iter(fresh)), str(lost)) from lost
        self._published.update(one.token for one in fresh.values())


class ResultlessSettler(Settler):
    """Where no results are kept: settles without them, in one step where the broker's store can."""

    def __init__(self, settler: Settler) -> None:
        """Settle with `settler`."""
        self._settler = settler

    @property
    def atomic(self) -> bool:
        """As the settler behind it."""
        return self._settler.atomic

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements without their results; see Settler.settle."""
        return self._settler.settle(
            [replace(one, results=(), part=None) if one.results else one for one in settlements]
        )
