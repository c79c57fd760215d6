"""The in-memory adapters."""

from __future__ import annotations

from celeriac.adapters.memory import (
    MemoryBroker,
    MemoryBus,
    MemoryCoordinator,
    MemoryResults,
    MemoryScheduleStore,
    MemorySettler,
    MemoryStore,
    VirtualClock,
)
from celeriac.adapters.memory.ledger import MemoryLedger

from ..place import Place


class MemoryPlace(Place):
    ports = frozenset(
        {"broker", "results", "settler", "bus", "coordinator", "schedule_store", "ledger"}
    )

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.store_in_host_time = MemoryStore()

    @classmethod
    def make(cls, request):
        return cls()

    def broker(self, *, host_time=False):
        return MemoryBroker(self._store(host_time))

    def results(self, *, host_time=False):
        return MemoryResults(self._store(host_time))

    def settler(self, broker, results):
        return MemorySettler(broker, results)

    def bus(self, *, host_time=False):
        return MemoryBus(self._store(host_time))

    def ledger(self):
        return MemoryLedger(self.store)

    def coordinator(self):
        return MemoryCoordinator(self.store)

    def schedule_store(self):
        return MemoryScheduleStore(self.store)

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        assert self.store.corrupt(task_id, raw)
        return raw

    def _store(self, host_time):
        return self.store_in_host_time if host_time else self.store
