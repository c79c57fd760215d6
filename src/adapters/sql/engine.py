"""One database of one process: its connections, its schema, its time, its transactions.

Every adapter of this package does its work inside `write` or `read`. What must stay true: work
given to `write` is committed whole or not at all, and may be run again after a deadlock or a lost
connection (but never after a commit whose end is unknown); a fork leaves the parent's connections
untouched; nothing waits beyond its deadline.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from ...domain.errors import BrokerUnavailable, MissingExtra
from ...ports.clock import Clock
from .ending import CommitUnknown, commit, driver_error, roll_back
from .errors import Trouble, Unavailable, translated
from .flavour import Connections, Flavour
from .flavours import flavour_of
from .schema import Names, Schema
from .schema_setup import is_current, set_up
from .transaction import Transaction
from .urls import masked, parse
from .wakeup import Wakeups

T = TypeVar("T")
Work = Callable[[Transaction], T]


class SqlStore:
    """Shared by all adapters on one URL: see `from_url`. Connects at first use."""

    _opening: threading.RLock
    _engine: Engine | None
    _connections: Connections | None
    _wakeups: Wakeups | None
    _driver_errors: tuple[type[BaseException], ...] = ()
    _ready: bool
    _offset: float

    def __init__(
        self,
        flavour: Flavour,
        *,
        clock: Clock,
        server_time: bool = True,
        engine_options: Mapping[str, Any] | None = None,
        names: Names | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.flavour = flavour
        self.clock = clock
        self.timeout = timeout
        self.schema = Schema(names or Names(), flavour.name)
        self._url = flavour.url
        self._server_time = server_time and flavour.server_time is not None
        self._engine_options = dict(engine_options or {})
        self._users = 0
        self._begin_life()
        _stores.add(self)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        clock: Clock,
        server_time: bool = True,
        engine_options: Mapping[str, Any] | None = None,
        table_names: Mapping[str, str] | None = None,
        table_schemas: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> SqlStore:
        """Return this process's store for the URL, so that all its adapters share it.

        `timeout` (seconds) bounds what has no deadline of its own. `server_time` measures the
        server's clock, so that hosts need not agree on theirs.
        Raises ImproperlyConfigured for a URL that cannot be, MissingExtra without its driver.
        """
        parsed = parse(url)
        names = Names.of(table_names, table_schemas)
        key = (parsed, names, id(clock), server_time)
        with _sharing:
            store = _shared.get(key)
            if store is None:
                store = cls(
                    flavour_of(parsed),
                    clock=clock,
                    server_time=server_time,
                    engine_options=engine_options,
                    names=names,
                    timeout=timeout,
                )
                _shared[key] = store
            return store

    # -- what is known without asking

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return masked(self._url)

    @property
    def place(self) -> object:
        """Equal for stores on the same tables, so that one transaction can span their adapters."""
        url = self._url.set(drivername=self.dialect)
        # A database in memory is that of one store only.
        return (url, self.schema.names, id(self) if self.flavour.private else 0)

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` or `mysql` (which MariaDB is too)."""
        return self.flavour.name

    @property
    def wakeups(self) -> Wakeups:
        """What to wait on for changes of others."""
        self._connect()
        assert self._wakeups is not None
        return self._wakeups

    def now(self) -> float:
        """Unix seconds by the store's clock."""
        return self.clock.now().timestamp() + self._offset

    def now_ms(self) -> int:
        """Unix milliseconds by the store's clock."""
        return int(self.now() * 1000)

    # -- life

    def retain(self) -> None:
        """Count one more adapter that uses the store."""
        with self._opening:
            self._users += 1

    def release(self) -> None:
        """Count one less; the last one closes. A use afterwards opens again."""
        with self._opening:
            self._users = max(0, self._users - 1)
            last = self._users == 0
        if last:
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether the schema is known to be there."""
        return self._ready

    def open(
        self, unavailable: Unavailable = BrokerUnavailable, deadline: float | None = None
    ) -> None:
        """Connect and make the schema, if that was not done yet.

        A server that does not answer within `deadline` seconds is unavailable.
        """
        if self._ready:
            return
        with self._opening:
            if not self._ready:
                self._set_up(unavailable, deadline or self.timeout)
                self._ready = True
        self.measure_time(unavailable)

    def close(self) -> None:
        """Let go of all connections; idempotent."""
        with self._opening:
            wakeups, self._wakeups = self._wakeups, None
            connections, self._connections = self._connections, None
            engine, self._engine = self._engine, None
            self._ready = False
        if wakeups is not None:
            wakeups.close()
        if connections is not None:
            connections.close()
        if engine is not None:
            engine.dispose()

    def measure_time(self, unavailable: Unavailable = BrokerUnavailable) -> None:
        """Measure how far the server's clock is from ours."""
        question = self.flavour.server_time
        if not self._server_time or question is None:
            return
        before = self.clock.now().timestamp()
        ((theirs,),) = self.read(lambda t: t.rows(question), unavailable=unavailable)
        after = self.clock.now().timestamp()
        self._offset = float(theirs) - (before + after) / 2

    # -- work

    def write(
        self,
        work: Work[T],
        *,
        deadline: float | None = None,
        unavailable: Unavailable = BrokerUnavailable,
    ) -> T:
        """Run `work` in one transaction that may write, commit, and return what it returned.

        `work` may be run more than once. An exception of its own rolls back and is passed on.
        """
        if not self._ready:
            self.open(unavailable, deadline)
        return self._persist(self._write_once, work, deadline or self.timeout, unavailable)

    def read(
        self,
        work: Work[T],
        *,
        deadline: float | None = None,
        unavailable: Unavailable = BrokerUnavailable,
    ) -> T:
        """Run `work`, which only reads, outside of any transaction."""
        if not self._ready:
            self.open(unavailable, deadline)
        return self._persist(self._read_once, work, deadline or self.timeout, unavailable)

    def _write_once(self, work: Work[T], end: float) -> T:
        flavour = self.flavour
        with self._connect().writer(end) as connection:
            transaction = flavour.begin(connection, end)
            try:
                result = work(transaction)
            except BaseException:
                roll_back(connection)
                raise
            commit(connection, transaction, flavour)
        if transaction.topics and self._wakeups is not None:
            self._wakeups.announce(transaction.topics)
        return result

    def _read_once(self, work: Work[T], end: float) -> T:
        with self._connect().reader(end) as connection:
            return work(Transaction(connection, self.flavour.placeholder))

    def _persist(
        self,
        once: Callable[[Work[T], float], T],
        work: Work[T],
        seconds: float,
        unavailable: Unavailable,
    ) -> T:
        end = monotonic() + seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return once(work, end)
            except Exception as error:
                if not self._is_driver_error(driver_error(error)):
                    raise
                trouble = self._understood(error)
                if not self._worth_another(trouble, error, attempt, end):
                    raise self.translated(error, unavailable) from driver_error(error)

    def _worth_another(self, trouble: Trouble, error: Exception, attempt: int, end: float) -> bool:
        if monotonic() >= end:
            return False
        match trouble:
            case Trouble.CONFLICT:
                return attempt < 20
            case Trouble.LOST if self._connections is not None:
                # Idle connections die unseen; whether a commit came through is not ours to guess.
                self._connections.renew()
                return attempt == 1 and not isinstance(error, CommitUnknown)
            case Trouble.NO_TABLE if self._ready:
                self._ready = False
                self.open()
                return attempt == 1
            case _:
                return False

    def translated(self, error: BaseException, unavailable: Unavailable) -> Exception:
        """Return what to raise for a driver's error."""
        driver = driver_error(error)
        trouble = self._understood(error)
        return translated(trouble, driver, self.url, unavailable, self.flavour.hint(trouble))

    def _understood(self, error: BaseException) -> Trouble:
        driver = driver_error(error)
        return self.flavour.trouble(driver) if self._is_driver_error(driver) else Trouble.OTHER

    def _is_driver_error(self, error: BaseException) -> bool:
        if isinstance(error, SQLAlchemyError | OSError):
            return True
        return isinstance(error, self._driver_errors)

    # -- connections

    def engine(self) -> Engine:
        """Return the engine, made at first use."""
        self._connect()
        assert self._engine is not None
        return self._engine

    def _connect(self) -> Connections:
        connections = self._connections
        if connections is not None:
            return connections
        with self._opening:
            if self._connections is None:
                self._engine = self._make_engine()
                if self._engine.dialect.dbapi is not None:
                    self._driver_errors = (self._engine.dialect.dbapi.Error,)
                connections = self.flavour.connections(self._engine)
                self._wakeups = self.flavour.wakeups(connections, self._engine)
                self._connections = connections
            return self._connections

    def _make_engine(self) -> Engine:
        try:
            return self.flavour.engine(self._engine_options)
        except ImportError as error:
            module = getattr(error, "name", "") or ""
            raise MissingExtra(f"{self.dialect}://…", "sql", module) from error

    def _set_up(self, unavailable: Unavailable, deadline: float) -> None:
        current = self._persist(
            self._read_once, lambda t: is_current(t, self.schema), deadline, unavailable
        )
        if not current:
            make: Work[None] = lambda t: set_up(t, self.schema, self.flavour, self.engine())  # noqa: E731
            self._persist(self._write_once, make, max(self.timeout, 30.0), unavailable)

    # -- forks

    def _begin_life(self) -> None:
        self._opening = threading.RLock()
        self._engine = None
        self._connections = None
        self._wakeups = None
        self._ready = False
        self._offset = 0.0

    def _leave_to_parent(self) -> None:
        # Closing, even by losing the last reference, would speak on the parent's sockets.
        _left_to_parents.append((self._engine, self._connections, self._wakeups))
        self._begin_life()


_stores: weakref.WeakSet[SqlStore] = weakref.WeakSet()
_shared: weakref.WeakValueDictionary[Any, SqlStore] = weakref.WeakValueDictionary()
_sharing = threading.Lock()
_left_to_parents: list[Any] = []


def _after_fork() -> None:
    global _sharing
    _sharing = threading.Lock()
    for store in list(_stores):
        store._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
