"""Adapters that fail as networks and machines do: before or after the call took effect."""

from collections.abc import Sequence
from random import Random

from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemorySettler
from celeriac.adapters.memory.store import MemoryStore
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.settlement import Settlement

from .ledger import Ledger


class Killed(BaseException):
    """The worker's process ends here, in the middle of whatever it did."""


class Faults:
    """Decides, from the seed, whether a call goes wrong. `rate` is a chance a call."""

    def __init__(self, chance: Random, ledger: Ledger, rate: float) -> None:
        self._chance, self._ledger, self.rate = chance, ledger, rate
        #: Nodes that cannot reach the store at all.
        self.cut_off: set[str] = set()

    def strike(self, node: str, where: str, *, unavailable: bool = True) -> None:
        """Go wrong, or not. Raises Killed, or BrokerUnavailable where that is `unavailable`."""
        if node in self.cut_off and where.startswith("before"):
            raise BrokerUnavailable(f"simulated, {where}")
        if self._chance.random() >= self.rate:
            return
        if unavailable and self._chance.random() < 0.6:
            self._ledger.note(f"{node} cut off {where}")
            raise BrokerUnavailable(f"simulated, {where}")
        self._ledger.note(f"{node} killed {where}")
        raise Killed

    def toss(self) -> bool:
        return self._chance.random() < self.rate


class FaultyBroker(MemoryBroker):
    """One worker's connection. What is claimed by a call whose answer is lost dies with the worker.

    Publications and settlements pass through unharmed: the settler's own step is where they fail.
    """

    def __init__(self, store: MemoryStore, node: str, ledger: Ledger, faults: Faults) -> None:
        super().__init__(store)
        self._node, self._ledger, self._faults = node, ledger, faults

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        super().publish(messages, deadline=deadline, within=within)
        self._ledger.published(messages)

    def enlist(self, node: str, lease: float) -> None:
        self._faults.strike(self._node, "before enlisting")
        super().enlist(node, lease)

    def leave(self) -> None:
        self._faults.strike(self._node, "before leaving")
        owner = self._owner
        held = list(owner.held) if owner else []
        super().leave()
        self._ledger.returned(self._node, [tag for tag in held if owner and tag not in owner.held])
        self._faults.strike(self._node, "after leaving")

    def renew(self) -> bool:
        self._faults.strike(self._node, "before renewing")
        return super().renew()

    def claim(
        self, queues: Sequence[str], limit: int, wait: float
    ) -> Sequence[Delivery | Undecodable]:
        self._faults.strike(self._node, "before claiming")
        claimed = super().claim(queues, limit, wait)
        self._ledger.claimed(self._node, claimed)
        self._faults.strike(self._node, "after claiming", unavailable=False)
        return claimed

    def recover(self) -> Sequence[Orphan]:
        self._faults.strike(self._node, "before recovering")
        orphans = super().recover()
        self._ledger.claimed(self._node, [orphan.delivery for orphan in orphans])
        self._faults.strike(self._node, "after recovering", unavailable=False)
        return orphans

    def mark_started(self, tokens: Sequence[Token]) -> Sequence[bool]:
        self._faults.strike(self._node, "before marking")
        marked = super().mark_started(tokens)
        self._ledger.marked(self._node, tokens, marked)
        self._faults.strike(self._node, "after marking")
        return marked


class FaultySettler(MemorySettler):
    """Settlements that fail, arrive late, or arrive twice."""

    def __init__(
        self,
        broker: FaultyBroker,
        results: MemoryResults,
        node: str,
        ledger: Ledger,
        faults: Faults,
    ) -> None:
        super().__init__(broker, results)
        self._node, self._ledger, self._faults = node, ledger, faults
        #: Batches still on their way through the network, whatever became of their sender.
        self.on_the_way: list[Sequence[Settlement]] = []

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        self._faults.strike(self._node, "before settling")
        if self._faults.toss():
            self.on_the_way.append(settlements)
            self._ledger.note(f"{self._node} is cut off while settling")
            raise BrokerUnavailable("simulated, while settling")
        committed = self._settle(settlements)
        if self._faults.toss():
            self.on_the_way.append(settlements)
        self._faults.strike(self._node, "after settling")
        return committed

    def arrive(self, index: int) -> None:
        """Let a late or doubled batch arrive now."""
        self._settle(self.on_the_way.pop(index))

    def _settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        committed = super().settle(settlements)
        self._ledger.settled(self._node, settlements, committed)
        return committed
