"""The settler in memory: one atomic step where broker and results share a store."""

from collections.abc import Sequence

from ...domain.errors import QueueNotFound, ResultTooLarge, SettlementRefused
from ...domain.work.settlement import Settlement
from ...ports.settler import Settler
from .broker import MemoryBroker
from .results import MemoryResults


class MemorySettler(Settler):
    """Commits settlements of one MemoryBroker's deliveries to one MemoryResults."""

    def __init__(self, broker: MemoryBroker, results: MemoryResults) -> None:
        self._broker = broker
        self._results = results

    @property
    def atomic(self) -> bool:
        """Whether both are in one store."""
        return self._broker.memory is self._results.memory

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit what may be committed; everything that can be refused is looked at before."""
        with self._broker.memory.changed:
            for index, settlement in enumerate(settlements):
                self._check(index, settlement)
            return [self._commit(settlement) for settlement in settlements]

    def _check(self, index: int, settlement: Settlement) -> None:
        if self._broker.memory.messages.held(settlement.token) is None:
            return
        try:
            for message in settlement.publish:
                self._broker.memory.messages.route(message)
            for record in settlement.results:
                self._results.check(record)
        except (QueueNotFound, ResultTooLarge) as error:
            raise SettlementRefused(index, str(error)) from error

    def _commit(self, settlement: Settlement) -> bool:
        if self._broker.memory.messages.held(settlement.token) is None:
            return False
        # Publish, store, count, acknowledge: in two stores a crash between is then repaired.
        self._broker.publish(settlement.publish, deadline=0)
        self._results.store(settlement.results)
        self._results.count_parts([settlement.part] if settlement.part else ())
        return all(self._broker.settle([(settlement.token, settlement.disposition)]))
