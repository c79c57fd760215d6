"""The pool port: where tasks run."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from ..domain.work.job import Inbox, Job, Runner


@dataclass(frozen=True, slots=True)
class PoolCapabilities:
    """What a pool can do to a running job."""

    kill: bool = False
    soft_limit: bool = False
    hard_limit: bool = False
    resize: bool = False
    isolated: bool = False
    #: Any free slot takes the next job, whichever job is long: some may wait at the pool.
    shared: bool = False


class Cancel(Enum):
    """How hard a job is stopped."""

    IF_UNSTARTED = "take it back only if it has not begun"
    SOFT = "raise SoftTimeLimitExceeded in it, if the pool can"
    KILL = "end its process, if the pool can"


class Stop(Enum):
    """How a pool is stopped."""

    WARM = "finish what was submitted"
    COLD = "end it now; what runs is lost"


class Pool(Protocol):
    """Runs jobs on slots; everything that happens to them arrives in the inbox, in batches.

    For each submitted job exactly one of Report, Lost, TimedOut, Cancelled arrives. The inbox is
    called from any thread, also from within a call to the pool, and never blocks or raises. What
    concerns one job arrives in its order: Began, Progressed, Warned, and its answer last.
    After Broken, or once stop was called, jobs submitted are answered by Lost as unstarted.
    """

    @property
    @abstractmethod
    def wants_main_thread(self) -> bool:
        """Whether `run_main` must be called, in the main thread, for jobs to run at all."""

    @property
    @abstractmethod
    def capabilities(self) -> PoolCapabilities:
        """What this pool can do."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many jobs run at once."""

    @property
    @abstractmethod
    def pids(self) -> Sequence[int]:
        """Process ids of the children, or of this process."""

    @abstractmethod
    def start(self, runner: Runner, inbox: Inbox) -> None:
        """Make the slots. Called before the worker opens any connection or starts any thread."""

    @abstractmethod
    def run_main(self) -> None:
        """Run jobs in the calling thread until the pool is stopped; at once back if unwanted."""

    @abstractmethod
    def submit(self, jobs: Sequence[Job]) -> None:
        """Run jobs, in this order where slots allow. Never blocks."""

    @abstractmethod
    def room(self) -> int:
        """Return how many more jobs could be handed over now without waiting behind long ones."""

    @abstractmethod
    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Stop jobs; answered by Cancelled, Lost or an ordinary report. Unknown ones are ignored.

        What is beyond the pool's capabilities is not done to a job that has begun.
        """

    @abstractmethod
    def resize(self, by: int) -> None:
        """Add or take away slots, down to one; answered by Resized. Raises NotSupported.

        A slot that is taken away finishes the job it runs; nothing is lost.
        """

    @abstractmethod
    def stop(self, how: Stop, deadline: float) -> None:
        """End the pool within that many seconds; what is still running then is ended and Lost."""


@runtime_checkable
class Restartable(Protocol):
    """A pool that can replace the processes its jobs run in by such as imported all anew."""

    @abstractmethod
    def restart(self) -> None:
        """Begin to replace them, and return. Running jobs end where they are, others run anew.

        The old ones stay until a new one is ready; if none gets ready they go on, which the log
        tells. No job is lost. Raises NotSupported if that cannot be: what jobs need cannot be
        imported anew, a restart is under way, or the pool is not running.
        """


@runtime_checkable
class Guarded(Protocol):
    """A pool whose jobs may keep its very process from doing anything about their limits."""

    @abstractmethod
    def be_guarded(self, expect: Callable[[float], None]) -> None:
        """Call this before a job begins with the monotonic time at which it must be over.

        With 0.0 once it is. Whoever is told ends the process if it is not: see `LeaseGuard.expect`.
        To be called before `start`.
        """
