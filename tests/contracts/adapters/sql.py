"""What the SQL adapters have in common, whatever the database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy import create_engine, text

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.bus import SqlBus
from celeriac.adapters.sql.coordinator import SqlCoordinator
from celeriac.adapters.sql.engine import SqlStore
from celeriac.adapters.sql.flavours import flavour_of
from celeriac.adapters.sql.ledger import SqlLedger
from celeriac.adapters.sql.results import SqlResults
from celeriac.adapters.sql.schedule_store import SqlScheduleStore
from celeriac.adapters.sql.settler import SqlSettler
from celeriac.adapters.sql.urls import parse

from ..place import Place
from .rooms import Room


class SqlPlace(Place):
    ports = frozenset(
        {"broker", "results", "settler", "bus", "coordinator", "schedule_store", "ledger"}
    )

    def __init__(self, url):
        self.clock = VirtualClock()
        self.url = url
        self._engine = None
        self._stores = []
        self._clients = []

    def close(self):
        for client in self._clients:
            client.close()
        for store in self._stores:
            store.close()
        if self._engine is not None:
            self._engine.dispose()

    def broker(self, *, host_time=False):
        return self._client(SqlBroker(self._store(host_time)))

    def results(self, *, host_time=False):
        return self._client(SqlResults(self._store(host_time)))

    def settler(self, broker, results):
        return SqlSettler(broker, results)

    def bus(self, *, host_time=False):
        return self._client(SqlBus(self._store(host_time)))

    def ledger(self):
        return SqlLedger(self._store(host_time=False))

    def coordinator(self):
        return self._client(SqlCoordinator(self._store(host_time=False)))

    def schedule_store(self):
        return self._client(SqlScheduleStore(self._store(host_time=False)))

    def corrupt(self, task_id):
        with self.transaction() as connection:
            sql = "UPDATE celeriac_message SET head = :head, body = :body WHERE task_id = :task_id"
            values = {"head": '{"task": no message', "body": b"\x00", "task_id": task_id}
            changed = connection.execute(text(sql), values)
            assert changed.rowcount
        return b'{"task": no message\n\x00'

    @contextmanager
    def transaction(self):
        if self._engine is None:
            self._engine = create_engine(parse(self.url))
        with self._engine.begin() as connection:
            yield connection

    def _store(self, host_time):
        # Each client has a store of its own, as in another process.
        clock = SystemClock() if host_time else self.clock
        store = SqlStore(flavour_of(parse(self.url)), clock=clock, server_time=False)
        self._stores.append(store)
        return store

    def _client(self, client):
        self._clients.append(client)
        return client


class ServerPlace(SqlPlace):
    """On a server: in a room of the test's own."""

    #: What a room is there.
    room_kind: ClassVar[type[Room]]

    @classmethod
    def make(cls, request):
        """Make a new room, or where the test has the fixture `rooms` ask that for one."""
        server = request.getfixturevalue(f"{cls.servers[0]}_url")
        rooms = request.getfixturevalue("rooms") if "rooms" in request.fixturenames else None
        room = rooms.lend(cls.room_kind, server) if rooms else cls.room_kind(server)
        place = cls(room.url)
        place._leave = rooms.take_back if rooms else Room.drop
        place._room = room
        return place

    def close(self):
        super().close()
        self._leave(self._room)
