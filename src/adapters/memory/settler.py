"""The settler in memory: one atomic step where broker and results share a store."""

from collections.abc import Sequence

from ...domain.canvas.chords import Contribution
from ...domain.errors import LeaseLost, QueueNotFound, ResultTooLarge, SettlementRefused
from ...domain.messaging.delivery import Delivery, Undecodable
from ...domain.work.queue_slots import Claim
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

    @property
    def claims(self) -> bool:
        """Whether both are in one store, as for `atomic`."""
        return self.atomic

    @property
    def relays(self) -> bool:
        """Whether both are in one store, as for `atomic`."""
        return self.atomic

    def settle_and_claim(
        self, settlements: Sequence[Settlement], claim: Claim
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        """Commit what may be committed, then claim."""
        with self._broker.memory.changed:
            settled = self.settle(settlements)
            try:
                return settled, self._broker.claim(claim.queues, claim.limit, 0.0, claim.begin)
            except LeaseLost:
                return settled, ()

    def _check(self, index: int, settlement: Settlement) -> None:
        if self._broker.memory.messages.held(settlement.token) is None:
            return
        try:
            completions = [one.completion for one in settlement.parts]
            for message in (*settlement.publish, *completions):
                self._broker.memory.messages.route(message)
            for record in settlement.results:
                self._results.check(record)
        except (QueueNotFound, ResultTooLarge) as error:
            raise SettlementRefused(index, str(error)) from error

    def _commit(self, settlement: Settlement) -> bool:
        messages = self._broker.memory.messages
        entry = messages.held(settlement.token)
        if entry is None:
            return False
        if settlement.relay is not None and settlement.relay.number <= entry.link:
            return True  # told late, or twice
        self._broker.publish(settlement.publish, deadline=0)
        self._results.store(settlement.results)
        self._results.open_chords(settlement.opens)
        self._results.grow_chords(settlement.grows)
        self._count(settlement.parts)
        self._results.close_chords(settlement.closes)
        if settlement.relay is not None:
            messages.relay(entry, settlement.relay)
            return True
        return all(self._broker.settle([(settlement.token, settlement.disposition)]))

    def _count(self, parts: Sequence[Contribution]) -> None:
        counts = self._results.count_parts([one.part for one in parts])
        for one, count in zip(parts, counts, strict=True):
            chord = self._results.memory.results.chords[one.part.group_id]
            if count.due and not chord.closed:
                # Its completion is the only one from now on; the parts are there until it is done.
                chord.closed = True
                self._broker.publish([one.closing()], deadline=0)
