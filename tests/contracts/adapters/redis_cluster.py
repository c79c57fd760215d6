"""The Redis adapters on a Cluster of three nodes, started once a session."""

from __future__ import annotations

import secrets

import redis

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.cluster_broker import ClusterBroker
from celeriac.application.settle import SeparateSettler

from .redis import RedisPlace


class RedisClusterPlace(RedisPlace):
    servers = ()

    def __init__(self, url):
        self.clock = VirtualClock()
        self.url = url
        self.prefix = f"test_{secrets.token_hex(6)}:"
        self.client = redis.RedisCluster.from_url(url.replace("redis+cluster", "redis"))
        self._stores = []
        self._clients = []

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("redis_cluster_url"))

    def broker(self, *, host_time=False):
        return self._client(ClusterBroker(self._store(host_time)))

    def settler(self, broker, results):
        return SeparateSettler(broker, results, deadline=5)
