"""The broker on kombu's folders and on its memory, with claims in a ledger in memory."""

from __future__ import annotations

from kombu.transport.memory import Channel, Transport

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.kombu.virtual.broker import VirtualBroker
from celeriac.adapters.kombu.virtual.parcels import unpacked
from celeriac.adapters.kombu.virtual.store import VirtualStore
from celeriac.adapters.memory import MemoryStore, VirtualClock
from celeriac.adapters.memory.ledger import MemoryLedger

from ..place import Place


class VirtualPlace(Place):
    """A place of one of kombu's transports."""

    ports = frozenset({"broker"})
    url = "filesystem://"

    def __init__(self, options):
        self.clock = VirtualClock()
        self.ledgers = MemoryStore(self.clock)
        self.settings = {"broker_transport_options": options}
        self._stores = []
        self._brokers = []

    def close(self):
        for broker in self._brokers:
            broker.close()
        for store in self._stores:
            store.close()

    def broker(self, *, host_time=False):
        clock = SystemClock() if host_time else self.clock
        store = VirtualStore.from_url(self.url, clock=clock, settings=self.settings)
        self._stores.append(store)
        ledgers = MemoryStore(clock) if host_time else self.ledgers
        broker = VirtualBroker(store, lambda: MemoryLedger(ledgers))
        self._brokers.append(broker)
        return broker


class FilesystemPlace(VirtualPlace):
    def __init__(self, folder):
        self.folder = folder
        options = {
            name: str(folder / part)
            for name, part in (
                ("data_folder_in", "data"),
                ("data_folder_out", "data"),
                ("control_folder", "control"),
            )
        }
        super().__init__({**options, "polling_interval": 0.05})

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("tmp_path"))

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        for file in (self.folder / "data").glob("*.msg"):
            if f'"id": "{task_id}"'.encode() in file.read_bytes():
                file.write_bytes(raw)
        return raw


class KombuMemoryPlace(VirtualPlace):
    """kombu's own memory, which all of this process share: emptied for each test."""

    url = "kombu+memory://"

    def __init__(self):
        self._empty()
        super().__init__({})

    @classmethod
    def make(cls, request):
        return cls()

    def close(self):
        super().close()
        self._empty()

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        for queue in Channel.queues.values():
            for number, found in enumerate(queue.queue):
                if found.get("headers", {}).get("id") == task_id:
                    queue.queue[number] = dict(unpacked(raw))
        return raw

    def _empty(self):
        Channel.queues.clear()
        Transport.global_state.clear()
