"""Adapters that fail as networks and machines do: before or after the call took effect."""

from collections.abc import Collection, Sequence
from datetime import datetime
from random import Random

from celeriac.adapters.memory import MemoryBroker, MemoryResults
from celeriac.adapters.memory.coordinator import MemoryCoordinator
from celeriac.adapters.memory.schedule_store import MemoryScheduleStore
from celeriac.adapters.memory.store import MemoryStore
from celeriac.domain.canvas.chords import ChordCount, ChordPart
from celeriac.domain.errors import BackendUnavailable, BrokerUnavailable
from celeriac.domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import Disposition, Settlement
from celeriac.ports.coordinator import Grant
from celeriac.ports.schedule_store import LastRun
from celeriac.ports.settler import Settler

from .ledger import Ledger


class Killed(BaseException):
    """The process ends here, in the middle of whatever it did."""


class Faults:
    """Decides, from the seed, whether a call goes wrong. `rate` is a chance a call."""

    def __init__(self, chance: Random, ledger: Ledger, rate: float) -> None:
        self._chance, self._ledger, self.rate = chance, ledger, rate
        #: Who cannot reach the store at all.
        self.cut_off: set[str] = set()

    def strike(
        self,
        who: str,
        where: str,
        *,
        unavailable: bool = True,
        error: type[Exception] = BrokerUnavailable,
    ) -> None:
        """Go wrong, or not. Raises Killed, or `error` where that is `unavailable`."""
        if who in self.cut_off and where.startswith("before"):
            raise error(f"simulated, {where}")
        if self._chance.random() >= self.rate:
            return
        if unavailable and self._chance.random() < 0.6:
            self._ledger.note(f"{who} cut off {where}")
            raise error(f"simulated, {where}")
        self._ledger.note(f"{who} killed {where}")
        raise Killed

    def toss(self) -> bool:
        return self._chance.random() < self.rate


class FaultyBroker(MemoryBroker):
    """One process's connection. What is claimed by a call whose answer is lost dies with it.

    Where settling is one step of the store, it is the settler that fails as a whole; a `brittle`
    connection fails at each publication and settlement.
    """

    def __init__(
        self, store: MemoryStore, who: str, ledger: Ledger, faults: Faults, *, brittle: bool
    ) -> None:
        super().__init__(store)
        self._who, self._ledger, self._faults, self._brittle = who, ledger, faults, brittle

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        self._crack("before publishing")
        super().publish(messages, deadline=deadline, within=within)
        self._ledger.published(messages)
        self._crack("after publishing")

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        self._crack("before acknowledging")
        done = super().settle(settled)
        self._ledger.disposed(self._who, settled, done)
        self._crack("after acknowledging")
        return done

    def enlist(self, node: str, lease: float) -> None:
        self._faults.strike(self._who, "before enlisting")
        super().enlist(node, lease)

    def leave(self) -> None:
        self._faults.strike(self._who, "before leaving")
        owner = self._owner
        held = list(owner.held) if owner else []
        super().leave()
        self._ledger.returned(self._who, [tag for tag in held if owner and tag not in owner.held])
        self._faults.strike(self._who, "after leaving")

    def renew(self) -> bool:
        self._faults.strike(self._who, "before renewing")
        return super().renew()

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        self._faults.strike(self._who, "before claiming")
        claimed = super().claim(queues, limit, wait, begin)
        self._ledger.claimed(self._who, claimed)
        begun = [one.token for one in claimed if isinstance(one, Delivery) and one.started]
        self._ledger.marked(self._who, begun, [True] * len(begun))
        self._faults.strike(self._who, "after claiming", unavailable=False)
        return claimed

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        self._faults.strike(self._who, "before recovering")
        orphans = super().recover(queues)
        self._ledger.claimed(self._who, [orphan.delivery for orphan in orphans])
        self._faults.strike(self._who, "after recovering", unavailable=False)
        return orphans

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        self._faults.strike(self._who, "before marking")
        marked = super().mark_started(tokens, early)
        self._ledger.marked(self._who, tokens, marked)
        self._faults.strike(self._who, "after marking")
        return marked

    def _crack(self, where: str) -> None:
        if self._brittle:
            self._faults.strike(self._who, where)


class FaultyResults(MemoryResults):
    """One process's connection to a result store that is a system of its own."""

    def __init__(self, store: MemoryStore, who: str, faults: Faults) -> None:
        super().__init__(store)
        self._who, self._faults = f"{who} (results)", faults

    def store(self, records: Sequence[ResultRecord]) -> None:
        self._faults.strike(self._who, "before storing", error=BackendUnavailable)
        super().store(records)
        self._faults.strike(self._who, "after storing", error=BackendUnavailable)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        self._faults.strike(self._who, "before counting", error=BackendUnavailable)
        counts = super().count_parts(parts)
        self._faults.strike(self._who, "after counting", error=BackendUnavailable)
        return counts

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        self._faults.strike(self._who, "before fetching parts", error=BackendUnavailable)
        return super().fetch_parts(group_id)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        self._faults.strike(self._who, "before closing", error=BackendUnavailable)
        super().close_chords(group_ids)
        self._faults.strike(self._who, "after closing", error=BackendUnavailable)


class FaultySettler(Settler):
    """Settlements that fail, arrive late, or arrive twice."""

    def __init__(self, settler: Settler, who: str, ledger: Ledger, faults: Faults) -> None:
        self._settler, self._who, self._ledger, self._faults = settler, who, ledger, faults
        #: Batches still on their way through the network, whatever became of their sender.
        self.on_the_way: list[Sequence[Settlement]] = []

    @property
    def atomic(self) -> bool:
        return self._settler.atomic

    @property
    def relays(self) -> bool:
        return self._settler.relays

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        if not self.atomic:
            return self._settler.settle(settlements)
        self._faults.strike(self._who, "before settling")
        if self._faults.toss():
            self.on_the_way.append(settlements)
            self._ledger.note(f"{self._who} is cut off while settling")
            raise BrokerUnavailable("simulated, while settling")
        committed = self._settle(settlements)
        if self._faults.toss():
            self.on_the_way.append(settlements)
        self._faults.strike(self._who, "after settling")
        return committed

    def arrive(self, index: int) -> None:
        """Let a late or doubled batch arrive now."""
        self._settle(self.on_the_way.pop(index))

    def _settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        committed = self._settler.settle(settlements)
        self._ledger.committed_whole(self._who, settlements, committed)
        return committed


class FaultySchedules(MemoryScheduleStore):
    """One beat's connection to what all beats remember."""

    def __init__(self, store: MemoryStore, who: str, faults: Faults) -> None:
        super().__init__(store)
        self._who, self._faults = who, faults

    def last_runs(self) -> Sequence[LastRun]:
        self._faults.strike(self._who, "before reading last runs")
        return super().last_runs()

    def claim_tick(self, entry: str, due: datetime, now: datetime, schedule: str = "") -> bool:
        self._faults.strike(self._who, "before claiming a tick")
        claimed = super().claim_tick(entry, due, now, schedule)
        self._faults.strike(self._who, "after claiming a tick")
        return claimed

    def remember(self, runs: Sequence[LastRun]) -> None:
        self._faults.strike(self._who, "before remembering")
        super().remember(runs)
        self._faults.strike(self._who, "after remembering")


class FaultyCoordinator(MemoryCoordinator):
    """One beat's connection to what decides who leads."""

    def __init__(self, store: MemoryStore, who: str, faults: Faults) -> None:
        super().__init__(store)
        self._who, self._faults = who, faults

    def acquire(self, name: str, holder: str, ttl: float) -> Grant | None:
        self._faults.strike(self._who, "before acquiring")
        grant = super().acquire(name, holder, ttl)
        self._faults.strike(self._who, "after acquiring")
        return grant
