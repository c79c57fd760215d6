"""What goes to a pool and what comes back: a batch of jobs out, a batch of events in.

All of it is data: bytes, texts and numbers travel, never code or connections.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..canvas.chords import ChordGrowth, ChordOpening, Contribution
from ..messaging.message import TaskMessage
from ..tasks.result_record import ResultRecord
from .settlement import DONE, Disposition


class Job(NamedTuple):
    """One task call to run. Limits are in seconds; `number` is unique in its worker.

    `estimate` is the expected run time in seconds, None when nothing is known yet. As many links
    of its chain as `relays` says may follow it where it runs, under the next numbers.
    """

    number: int
    message: TaskMessage
    soft_limit: float | None = None
    hard_limit: float | None = None
    redelivered: bool = False
    estimate: float | None = None
    relays: int = 0


class Report(NamedTuple):
    """What came of a job that a runner carried to its end.

    `summary` is a short text for logs and events: the repr of the result or of the exception.
    `relay` is the link that has begun where this one ended, under the next number.
    """

    number: int
    state: str
    disposition: Disposition = DONE
    results: tuple[ResultRecord, ...] = ()
    publish: tuple[TaskMessage, ...] = ()
    runtime: float = 0.0
    summary: str = ""
    traceback: str | None = None
    opens: tuple[ChordOpening, ...] = ()
    parts: tuple[Contribution, ...] = ()
    closes: tuple[str, ...] = ()
    grows: tuple[ChordGrowth, ...] = ()
    relay: TaskMessage | None = None


class Progress(NamedTuple):
    """A record to store at once while its job still runs (`update_state`, STARTED)."""

    number: int
    record: ResultRecord


@dataclass(frozen=True, slots=True)
class Reported:
    """Jobs ended by themselves."""

    reports: Sequence[Report]


@dataclass(frozen=True, slots=True)
class Progressed:
    """Jobs have something to say while they run."""

    records: Sequence[Progress]


@dataclass(frozen=True, slots=True)
class Began:
    """Jobs that may take long were begun by this process; only where a pool is asked to say."""

    numbers: Sequence[int]
    pid: int


@dataclass(frozen=True, slots=True)
class Warned:
    """A job is past its soft limit (seconds), which is raised in it; its answer comes later."""

    number: int
    limit: float


@dataclass(frozen=True, slots=True)
class Lost:
    """No report of these jobs will come: mostly because the process that held them died.

    `started` were begun, `unstarted` were not. `cause` is a sentence such as
    `process 4711 was killed by signal 9 (SIGKILL)`.
    """

    started: Sequence[int]
    unstarted: Sequence[int]
    cause: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The pool ended a job past its hard limit (seconds), and lost what stood behind it."""

    number: int
    limit: float
    unstarted: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Jobs were taken back at the worker's own wish; `started` tells which had begun."""

    numbers: Sequence[int]
    started: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Resized:
    """The pool has this many slots now."""

    slots: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The pool can run nothing any more and cannot mend itself: the worker should leave.

    What it held has been answered before, by Lost.
    """

    cause: str


PoolEvent = Reported | Progressed | Began | Warned | Lost | TimedOut | Cancelled | Resized | Broken

Inbox = Callable[[PoolEvent], None]


class GivenUp(BaseException):
    """Raised by a pool in a job that nobody hears of any more: the pool has answered for it."""


class Runner(Protocol):
    """What runs a job where the pool put it. Made by the application, carried by the pool.

    A runner never raises for what a task does: everything a task can bring about is a Report.
    """

    def start(self) -> None:
        """Prepare the process or thread it will run in; called once there, before any job."""
        ...

    def run(self, job: Job, progress: Callable[[Progress], None]) -> Report:
        """Run one job to its end, in the calling thread.

        SystemExit, KeyboardInterrupt and everything a task raises become a report;
        only SoftTimeLimitExceeded raised by the pool from outside passes through the task's code.
        GivenUp ends the run without a report, and is raised from here again.
        """
        ...

    def relayed(self, job: Job, report: Report) -> tuple[Report, Job] | None:
        """Return what follows a job that has ended, and its report without it; None: nothing here.

        Asked of jobs that have `relays` only. What is returned is to be run at once.
        """
        ...

    def stop(self) -> None:
        """Release what start made."""
        ...


class LoopRun(Protocol):
    """One job on an event loop; to be awaited, once."""

    def interrupt(self, error: BaseException) -> None:
        """Have this raised in the job where it waits, when its asyncio task is cancelled next."""
        ...

    def __await__(self) -> Generator[Any, Any, Report]:
        """Return the report."""
        ...


class LoopRunner(Runner, Protocol):
    """A runner that can also run jobs on an event loop, many at once in one thread."""

    def on_loop(self, job: Job) -> bool:
        """Whether a job waits rather than works, so that `run_async` is the way to run it."""
        ...

    def run_async(self, job: Job, progress: Callable[[Progress], None]) -> LoopRun:
        """Run one job to its end on the running loop, as `run` does in a thread.

        In a task of asyncio's own for each job: what the job's context holds is kept there.
        """
        ...
