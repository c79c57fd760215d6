"""One Redis database of one process: its connections, its scripts, its time.

Every adapter of this package asks it for all it does. What must stay true: a fork leaves the
parent's connections alone; nothing waits longer than its deadline; nothing is sent twice by
itself, since a command whose answer was lost may have been carried out.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha1
from typing import Any, Final, TypeVar

from ...domain.errors import BrokerUnavailable, ImproperlyConfigured, MissingExtra
from ...ports.clock import Clock
from .errors import Unavailable, translated
from .urls import Address, Place, parse

T = TypeVar("T")

#: Seconds a socket may keep us waiting; one pool of connections each, chosen by the deadline.
_STEPS: Final = (10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
#: Transport options that redis-py takes as they are.
_TAKEN_OVER: Final = ("client_name", "socket_keepalive", "username", "password")
#: Idle connections older than this (s) are tried before they are used.
_IDLE: Final = 15
_OLDEST: Final = [6, 2]
#: The one policy under which no key is ever deleted for want of memory.
_KEEPS_ALL: Final = "noeviction"


class RedisStore:
    """Shared by all adapters on one URL: see `from_url`. Connects at first use."""

    _opening: threading.RLock
    _clients: dict[float, Any]
    _ready: bool
    _offset: float

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        server_time: bool = True,
        options: Mapping[str, Any] | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.address: Address = parse(url, options or {})
        self.clock = clock
        self.server_time = server_time
        self.timeout = timeout
        self.options = dict(options or {})
        self._begin_life()
        _stores.add(self)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        clock: Clock,
        server_time: bool = True,
        options: Mapping[str, Any] | None = None,
        timeout: float = 10.0,
    ) -> RedisStore:
        """Return this process's store for the URL, so that all its adapters share it.

        `options` are Celery's transport options (`global_keyprefix`, `socket_timeout` …).
        `timeout` (seconds) bounds what has no deadline of its own. With `server_time` leases and
        due times go by Redis's clock, so that hosts need not agree on theirs.
        Raises ImproperlyConfigured for a URL that cannot be, MissingExtra without redis-py.
        """
        driver()
        key = (url, repr(sorted((options or {}).items())), id(clock), server_time, timeout)
        with _sharing:
            store = _shared.get(key)
            if store is None:
                store = cls(
                    url, clock=clock, server_time=server_time, options=options, timeout=timeout
                )
                _shared[key] = store
            return store

    # -- what is known without asking

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.address.shown

    @property
    def place(self) -> Place:
        """Equal for stores over the same keys, so that one script can span their adapters."""
        return self.address.place

    @property
    def prefix(self) -> str:
        """What stands before every key (`global_keyprefix`)."""
        return self.address.place.prefix

    @property
    def database(self) -> int:
        """The database's number, which is part of the names of channels."""
        return self.address.place.database

    # -- time

    def now(self) -> float:
        """Unix seconds: Redis's as measured when the store was opened, or the clock's."""
        return self.clock.now().timestamp() + self._offset

    def now_ms(self) -> int:
        """Unix milliseconds by the store's clock."""
        return int(self.now() * 1000)

    def moment(self) -> str:
        """What a script is given as the time: empty where it has to ask the server itself."""
        return "" if self.server_time else str(int(self.clock.now().timestamp() * 1000))

    # -- work

    def do(
        self,
        work: Callable[[Any], T],
        *,
        deadline: float | None = None,
        unavailable: Unavailable = BrokerUnavailable,
    ) -> T:
        """Return what `work` returns, called once with a redis-py client.

        The client returns bytes. Driver errors come as `unavailable`, StoreFull or StoreReadOnly.
        """
        if not self._ready:
            self.open(unavailable, deadline)
        return self._translated(partial(self._with_client, work, deadline), unavailable)

    def run(
        self,
        script: Script,
        arguments: Sequence[Any] = (),
        *,
        keys: Sequence[str] = (),
        deadline: float | None = None,
        unavailable: Unavailable = BrokerUnavailable,
    ) -> Any:
        """Run a script, which is one atomic step and one round trip."""
        return self.do(
            lambda client: script.run(client, keys, arguments),
            deadline=deadline,
            unavailable=unavailable,
        )

    def subscriber(self, timeout: float | None = None) -> Any:
        """Return a redis-py client of its own connections, for subscriptions and the like."""
        return self._client_of(timeout or self.timeout)

    # -- life

    def open(
        self, unavailable: Unavailable = BrokerUnavailable, deadline: float | None = None
    ) -> None:
        """Connect and look at the server, if that was not done yet.

        Raises ImproperlyConfigured for a server that forgets keys, StoreReadOnly for a replica.
        """
        if self._ready:
            return
        with self._opening:
            if not self._ready:
                look = partial(self._with_client, self._look_at_server, deadline)
                self._translated(look, unavailable)
                self._ready = True

    def close(self) -> None:
        """Let go of all connections; idempotent. A use afterwards opens again."""
        with self._opening:
            clients, self._clients = self._clients, {}
            self._ready = False
        for client in clients.values():
            client.close()
            client.connection_pool.disconnect()

    # -- steps

    def _look_at_server(self, client: Any) -> None:
        try:
            said = client.info()
        except driver().exceptions.NoPermissionError:
            said = {}  # whoever may not look is believed to know
        version = str(said.get("redis_version", "7.0"))
        if [int(part) for part in version.split(".")[:2] if part.isdigit()] < _OLDEST:
            raise ImproperlyConfigured(
                f"{self.url} is Redis {version}: expected 6.2 or newer (or Valkey), for its "
                "scripts and lists"
            )
        if said.get("loading"):
            raise driver().exceptions.BusyLoadingError("it loads its data set")
        if said.get("role", "master") not in ("master", "primary"):
            raise driver().exceptions.ReadOnlyError("it is a replica")
        policy = said.get("maxmemory_policy", _KEEPS_ALL)
        if policy != _KEEPS_ALL and said.get("maxmemory") and not self.address.evictions_allowed:
            raise ImproperlyConfigured(
                f"{self.url} deletes keys when its memory is full (maxmemory-policy {policy}), "
                "and with them tasks and results: set maxmemory-policy noeviction, or add "
                "?evictions=allowed to the URL if they may be lost"
            )
        if self.server_time:
            before = self.clock.now().timestamp()
            seconds, microseconds = client.time()
            middle = (before + self.clock.now().timestamp()) / 2
            self._offset = seconds + microseconds / 1e6 - middle

    def _with_client(self, work: Callable[[Any], T], deadline: float | None) -> T:
        # Connecting and asking may each take as long as the socket's timeout.
        return work(self._client_of(min(self.timeout, (deadline or self.timeout) / 2)))

    def _translated(self, work: Callable[[], T], unavailable: Unavailable) -> T:
        try:
            return work()
        except (driver().exceptions.RedisError, OSError) as error:
            raise translated(error, self.url, unavailable) from error

    def _client_of(self, timeout: float) -> Any:
        step = next((step for step in _STEPS if step <= timeout), _STEPS[-1])
        client = self._clients.get(step)
        if client is None:
            with self._opening:
                client = self._clients.get(step)
                if client is None:
                    client = self._clients[step] = self._connected(step)
        return client

    def _connected(self, timeout: float) -> Any:
        redis = driver()
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        extra = {
            name: value
            for name, value in self.options.items()
            if name in _TAKEN_OVER or (name.startswith("ssl_") and self.address.tls)
        }
        try:
            return redis.Redis.from_url(
                self.address.url,
                protocol=2,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                health_check_interval=_IDLE,
                retry=Retry(NoBackoff(), 0),
                **extra,
            )
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"{self.url} is no Redis URL: {error}") from error

    # -- forks

    def _begin_life(self) -> None:
        self._opening = threading.RLock()
        self._clients = {}
        self._ready = False
        self._offset = 0.0

    def _leave_to_parent(self) -> None:
        # Closing, even by losing the last reference, would speak on the parent's sockets.
        _left_to_parents.append(self._clients)
        self._begin_life()


class Script:
    """A Lua script, sent by its digest; the text follows when the server does not know it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it by a redis-py client."""
        try:
            return client.evalsha(self.digest, len(keys), *keys, *arguments)
        except driver().exceptions.NoScriptError:
            return client.eval(self.text, len(keys), *keys, *arguments)


def driver() -> Any:
    """Return redis-py, imported at first use. Raises MissingExtra."""
    try:
        import redis
    except ImportError as error:
        raise MissingExtra("redis://…", "redis", "redis-py") from error
    return redis


_stores: weakref.WeakSet[RedisStore] = weakref.WeakSet()
_shared: weakref.WeakValueDictionary[Any, RedisStore] = weakref.WeakValueDictionary()
_sharing = threading.Lock()
_left_to_parents: list[Any] = []


def _after_fork() -> None:
    global _sharing
    _sharing = threading.Lock()
    for store in list(_stores):
        store._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
