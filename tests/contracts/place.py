"""What the contract suites ask of an adapter: clients of one empty store, and its time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:
    from celeriac.adapters.memory import VirtualClock
    from celeriac.domain.tasks.result_record import ResultRecord
    from celeriac.ports.broker import Broker
    from celeriac.ports.bus import Bus
    from celeriac.ports.coordinator import Coordinator
    from celeriac.ports.ledger import StartedLedger
    from celeriac.ports.results import ResultBackend
    from celeriac.ports.schedule_store import ScheduleStore
    from celeriac.ports.settler import Settler


class Place:
    """An empty store of one technology, made for one test and removed after it.

    Each call of `broker`, `results` and so on makes another client of that one store, as other
    processes would have. They live in the virtual time of `clock`, so that no test sleeps, and
    tests never let them wait. A test of blocking asks for `host_time=True` clients and makes no
    others: those live in the host's time and may, but need not, have a store of their own.
    """

    #: The ports this technology serves; suites of others are not run against it.
    ports: ClassVar[frozenset[str]] = frozenset()
    #: Test servers it needs (`postgresql` …): without them its tests are skipped, with the reason.
    servers: ClassVar[tuple[str, ...]] = ()
    #: Whether it keeps results as the bytes they came as, rather than what they stand for.
    keeps_bytes: ClassVar[bool] = True
    #: Whether it can be told to delete what is old; else the store does so by itself.
    sweeps: ClassVar[bool] = True
    #: Whether it is a match for hundreds of messages and many threads, as a mere double is not.
    bears_crowds: ClassVar[bool] = True

    clock: VirtualClock

    @classmethod
    def make(cls, request: pytest.FixtureRequest) -> Place:
        """Make an empty store; `request.getfixturevalue` gives tmp_path or a server's URL."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the clients and remove the store."""

    def advance(self, seconds: float) -> None:
        """Let time pass for all virtual clients."""
        self.clock.advance(seconds)

    # -- clients

    def broker(self, *, host_time: bool = False) -> Broker:
        """Make another broker."""
        raise NotImplementedError

    def results(self, *, host_time: bool = False) -> ResultBackend:
        """Make another result backend."""
        raise NotImplementedError

    def settler(self, broker: Broker, results: ResultBackend) -> Settler:
        """Make the settler of two clients made here."""
        raise NotImplementedError

    def bus(self, *, host_time: bool = False) -> Bus:
        """Make another bus."""
        raise NotImplementedError

    def coordinator(self) -> Coordinator:
        """Make another coordinator."""
        raise NotImplementedError

    def ledger(self) -> StartedLedger:
        """Make another ledger of started tasks."""
        raise NotImplementedError

    def schedule_store(self) -> ScheduleStore:
        """Make another schedule store."""
        raise NotImplementedError

    # -- hooks

    def corrupt(self, task_id: str) -> bytes | None:
        """Make the stored envelope of a waiting message unreadable.

        Returns the bytes that a claim must hand back, None where they cannot be foretold.
        """
        pytest.skip(f"{type(self).__name__} cannot write unreadable messages")

    def kill(self, broker: Broker) -> None:
        """Break a broker's connection, as the death of its process would."""
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction of the caller's: committed at the end, rolled back by an exception."""
        pytest.skip(f"{type(self).__name__} has no transactions")

    def kept(self, record: ResultRecord) -> ResultRecord:
        """Return what is kept of a record; a table layout of Celery's may lack some fields."""
        return record
