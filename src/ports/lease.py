"""The lease port: a worker's place in the cluster, kept in its stead by another process.

Some brokers can do that; a task that holds the interpreter then does not cost its worker the lease.
"""

from abc import abstractmethod
from typing import Protocol, runtime_checkable


@runtime_checkable
class PortableLease(Protocol):
    """A broker whose lease another process can renew, given its papers."""

    @abstractmethod
    def papers(self) -> str | None:
        """Return what names this owner and its lease, in one line; None: it owns nothing."""

    @abstractmethod
    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of the owner these papers name, as `Broker.renew` does its own."""


class LeaseGuard(Protocol):
    """A process beside the worker that renews its lease while the worker itself cannot."""

    @abstractmethod
    def sign(self, papers: str | None) -> None:
        """Say that the worker lives and renews by itself; never blocks.

        `papers` is one line, what is to be renewed in its stead; None: nothing. Called by one
        thread at a time.
        """

    @abstractmethod
    def expect(self, deadline: float) -> None:
        """Kill the worker some seconds after this monotonic time, unless told another; 0.0: never.

        What the worker held is then what a dead worker held. Never blocks; called for each job.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the process end."""
