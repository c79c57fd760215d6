"""The Redis adapters on a real server: one key prefix for each test."""

from __future__ import annotations

import json
import secrets

import redis

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.bus import RedisBus
from celeriac.adapters.redis.coordinator import RedisCoordinator
from celeriac.adapters.redis.ledger import RedisLedger
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.schedule_store import RedisScheduleStore
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.adapters.redis.store import RedisStore

from ..place import Place


class RedisPlace(Place):
    ports = frozenset(
        {"broker", "results", "settler", "bus", "coordinator", "schedule_store", "ledger"}
    )
    servers = ("redis",)

    def __init__(self, url):
        self.clock = VirtualClock()
        self.url = url
        self.prefix = f"test_{secrets.token_hex(6)}:"
        self.client = redis.Redis.from_url(url)
        self._stores = []
        self._clients = []

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("redis_url"))

    def close(self):
        for client in self._clients:
            client.close()
        for store in self._stores:
            store.close()
        # The database is the session's: another key marks it as taken.
        for keys in _some(self.client.scan_iter(f"{self.prefix}*", count=1000)):
            self.client.delete(*keys)
        self.client.close()

    def broker(self, *, host_time=False):
        return self._client(RedisBroker(self._store(host_time)))

    def results(self, *, host_time=False):
        return self._client(RedisResults(self._store(host_time)))

    def settler(self, broker, results):
        return RedisSettler(broker, results)

    def bus(self, *, host_time=False):
        return self._client(RedisBus(self._store(host_time)))

    def ledger(self):
        return RedisLedger(self._store(host_time=False))

    def coordinator(self):
        return self._client(RedisCoordinator(self._store(host_time=False)))

    def schedule_store(self):
        return self._client(RedisScheduleStore(self._store(host_time=False)))

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        for key in self.client.scan_iter(f"{self.prefix}*", _type="LIST"):
            for place, envelope in enumerate(self.client.lrange(key, 0, -1)):
                if json.loads(envelope)["headers"]["id"] == task_id:
                    self.client.lset(key, place, raw)
                    return raw
        raise AssertionError(f"no message of {task_id} waits")

    def _store(self, host_time):
        # Each client has a store of its own, as in another process.
        clock = SystemClock() if host_time else self.clock
        options = {"global_keyprefix": self.prefix}
        store = RedisStore(self.url, clock=clock, server_time=False, options=options)
        self._stores.append(store)
        return store

    def _client(self, client):
        self._clients.append(client)
        return client


def _some(keys):
    batch = []
    for key in keys:
        batch.append(key)
        if len(batch) == 500:
            yield batch
            batch = []
    if batch:
        yield batch
