"""The result backend on DynamoDB, as moto plays it: a table for each test."""

from __future__ import annotations

import secrets

from celeriac.adapters.aws.dynamodb.results import DynamoResults
from celeriac.adapters.aws.dynamodb.store import DynamoStore
from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.memory import VirtualClock

from ..place import Place


class DynamoPlace(Place):
    ports = frozenset({"results"})

    def __init__(self, url):
        self.clock = VirtualClock()
        self.table = f"test-{secrets.token_hex(6)}"
        self.url = f"dynamodb://key:secret@{url.removeprefix('http://')}/{self.table}"
        self._clients = []

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("moto_tables_url"))

    def close(self):
        for client in self._clients:
            client.close()

    def results(self, *, host_time=False):
        clock = SystemClock() if host_time else self.clock
        store = DynamoStore.from_url(self.url, clock=clock, settings={})
        client = DynamoResults(store)
        self._clients.append(client)
        return client
