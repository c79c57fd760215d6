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
from secrets import choice
from time import monotonic
from typing import Any, Final, TypeVar

from ...domain.errors import BackendUnavailable, BrokerUnavailable
from ...ports.clock import Clock
from .connecting import connected, disconnect, failures
from .connecting import driver as driver  # who uses a store needs it beside
from .credentials import with_provider
from .errors import Unavailable, translated
from .fitness import measured_offset, when_fit
from .keys import Keys
from .layout import layout_of
from .script import Script as Script  # who runs scripts needs it beside
from .urls import Address, Place, parse

T = TypeVar("T")

#: Seconds a socket may keep us waiting; one pool of connections each, chosen by the deadline.
_STEPS: Final = (10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
#: Seconds for the last of several steps, however late the first ones were.
_SHORTEST: Final = 0.1


class RedisStore:
    """Shared by all adapters on one URL: see `from_url`. Connects at first use."""

    _opening: threading.RLock
    #: redis-py's clients by the server they lead to, how long their sockets wait, and whether
    #: there is a limit to their connections.
    _clients: dict[tuple[int, float, bool], Any]
    #: Which of several servers is used.
    _which: int
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
        self.options = with_provider(self.address, options or {})
        #: Seconds a socket may keep us waiting where somebody says so.
        self._patience: float | None = self.options.get("socket_timeout")
        told = {self._patience} if self._patience else set[float]()
        self._unlimited = {k: v for k, v in self.options.items() if k != "max_connections"}
        self._steps = sorted({*_STEPS, *told}, reverse=True)
        clustered = self.address.topology == "cluster"
        self.layout = layout_of(self.prefix, self.options, clustered=clustered)
        self._closers: list[weakref.WeakMethod[Callable[[], None]]] = []
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
    def clustered(self) -> bool:
        """Whether keys are spread over the nodes of a Cluster."""
        return self.layout.clustered

    @property
    def keys(self) -> Keys:
        """The names of keys."""
        return Keys(self.layout)

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
            end = monotonic() + (deadline or 0)
            self.open(unavailable, deadline)
            deadline = deadline and max(end - monotonic(), _SHORTEST)
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

    def run_each(
        self,
        script: Script,
        calls: Sequence[tuple[Sequence[str], Sequence[Any]]],
        *,
        unavailable: Unavailable = BrokerUnavailable,
    ) -> list[Any]:
        """Run a script once for each pair of keys and arguments, sent together.

        Where it raises, some of them may have been carried out.
        """
        return self.do(lambda client: script.run_each(client, calls), unavailable=unavailable)

    def subscriber(self, timeout: float | None = None) -> Any:
        """Return a redis-py client of its own connections, for subscriptions and the like."""
        make = partial(self._client_of, timeout or self.timeout, limited=False)
        return self._translated(make, BrokerUnavailable)

    # -- life

    def open(
        self, unavailable: Unavailable = BrokerUnavailable, deadline: float | None = None
    ) -> None:
        """Connect and look at the server, if that was not done since the connection was lost.

        Of several servers the first is taken that is fit, beginning with the one used last.
        Raises ImproperlyConfigured for a server that forgets keys, StoreReadOnly for a replica.
        """
        if self._ready:
            return
        with self._opening:
            if not self._ready:
                self._find_server(unavailable, deadline)
                self._ready = True

    def before_closing(self, close: Callable[[], None]) -> None:
        """Have a method called before connections are let go of, while its object lives."""
        self._closers = [known for known in self._closers if known() is not None]
        self._closers.append(weakref.WeakMethod(close))

    def close(self) -> None:
        """Let go of all connections; idempotent. A use afterwards opens again."""
        for known in self._closers:
            if (close := known()) is not None:
                close()
        with self._opening:
            clients, self._clients = self._clients, {}
            self._ready = False
        for client in clients.values():
            disconnect(client)

    # -- steps

    def _find_server(self, unavailable: Unavailable, deadline: float | None) -> None:
        servers = len(self.address.urls) if self.address.topology == "server" else 1
        patience = (deadline or self.timeout) / servers
        look = partial(self._with_client, partial(self._look_at, patience), patience)
        for left in reversed(range(servers)):
            try:
                self._translated(look, unavailable)
            except (BrokerUnavailable, BackendUnavailable):
                self._which = (self._which + 1) % servers
                if not left:
                    raise
            else:
                return

    def _look_at(self, patience: float, client: Any) -> None:
        fit = when_fit(client, self.address, patience)
        if self.server_time:
            self._offset = measured_offset(fit, self.clock)

    def _with_client(self, work: Callable[[Any], T], deadline: float | None) -> T:
        # Connecting and asking may each take as long as the socket's timeout.
        if self._patience is None or deadline is not None:
            half = min(self.timeout, (deadline or self.timeout) / 2)
            return work(self._client_of(min(half, self._patience or half)))
        return work(self._client_of(self._patience))

    def _translated(self, work: Callable[[], T], unavailable: Unavailable) -> T:
        try:
            return work()
        except failures() as error:
            # Who answers next may be another server; a Cluster is more than the one that is lost.
            exceptions = driver().exceptions
            refused = isinstance(error, exceptions.ResponseError)
            demoted = isinstance(error, exceptions.ReadOnlyError)
            if not self.clustered and (demoted or not refused):
                self._ready = False
            raise translated(error, self.url, unavailable) from error

    def _client_of(self, timeout: float, *, limited: bool = True) -> Any:
        step = next((step for step in self._steps if step <= timeout), self._steps[-1])
        limited = limited and "max_connections" in self.options
        key = (self._which, step, limited)
        client = self._clients.get(key)
        if client is None:
            with self._opening:
                client = self._clients.get(key)
                if client is None:
                    options = self.options if limited else self._unlimited
                    client = connected(self.address, key[0], options, step)
                    self._clients[key] = client
        return client

    # -- forks

    def _begin_life(self) -> None:
        self._opening = threading.RLock()
        self._clients = {}
        shuffled = self.options.get("failover_strategy") == "shuffle"
        self._which = choice(range(len(self.address.urls))) if shuffled else 0
        self._ready = False
        self._offset = 0.0

    def _leave_to_parent(self) -> None:
        # Closing, even by losing the last reference, would speak on the parent's sockets.
        _left_to_parents.append(self._clients)
        self._begin_life()


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
