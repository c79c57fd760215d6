"""The worker as a remote control command sees it.

What must stay true: only the hub touches the core, so whoever looks asks the hub and waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from ...domain.cluster.logical_clock import LogicalClock
from ...domain.messaging.delivery import Delivery, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.core import WorkerCore
from ...domain.work.effects import Effect
from ...domain.work.hands import InHand
from ...ports.clock import Clock
from ..chronicle import Chronicle
from ..report_events import Reporter
from ..watch_neighbours import Gossip
from ..work import Worker

T = TypeVar("T")

#: How long a command waits for the hub, in seconds.
PATIENCE: Final = 5.0


class Surroundings(Protocol):
    """What a worker lives in: its app, its settings, its process."""

    app: Any

    def tasks(self) -> Mapping[str, Any]:
        """Return the tasks by name."""
        ...

    def conf(self, with_defaults: bool) -> Mapping[str, Any]:
        """Return the settings, secrets hidden."""
        ...

    def report(self) -> str:
        """Return versions and settings as text."""
        ...

    def broker(self) -> Mapping[str, Any]:
        """Return where the broker is, under Celery's names; no password is in it."""
        ...

    def process(self) -> Mapping[str, Any]:
        """Return `pid`, `uptime` in seconds, and `rusage` of the process."""
        ...

    def limits(self) -> tuple[float | None, float | None]:
        """Return the worker's own time limits: soft, hard."""
        ...

    def queue(self, name: str) -> Queue:
        """Return a queue as the settings describe it."""
        ...

    def declare(
        self, name: str, exchange: str | None, kind: str | None, routing_key: str | None
    ) -> str:
        """Make a queue known to the broker; return its name."""
        ...

    def reload(self, modules: Sequence[str] | None, *, force: bool, reloader: Any) -> None:
        """Import modules here, with `force` those anew that are there; None: what holds tasks.

        `reloader` is called with a module instead, or is where that function is. Raises whatever
        the modules raise.
        """
        ...

    def seize(self, ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take what waits of these tasks into the worker's hands; nothing where that cannot be."""
        ...

    def info(self, message: TaskMessage, *, safe: bool) -> dict[str, Any]:
        """Return what a call is, as data; `safe` gives arguments as their repr."""
        ...


class Node:
    """What a command is given as `state`."""

    def __init__(
        self,
        hostname: str,
        worker: Worker,
        surroundings: Surroundings,
        chronicle: Chronicle,
        reporter: Reporter | None,
        logical: LogicalClock,
        clock: Clock,
        gossip: Gossip | None = None,
    ) -> None:
        """Stand for a worker."""
        self.hostname, self.worker, self.surroundings = hostname, worker, surroundings
        self.chronicle, self.reporter = chronicle, reporter
        self.logical, self.clock, self.gossip = logical, clock, gossip
        self.app = surroundings.app
        #: The kind of set that Celery's commands make of requests.
        self.tset = set

    def look(self, at: Callable[[WorkerCore], T]) -> T:
        """Return what a function finds in the core. Raises TimeoutError, and what it raises."""
        found: list[T] = []

        def act(core: WorkerCore) -> Iterable[Effect]:
            found.append(at(core))
            return ()

        self.act(act)
        return found[0]

    def act(self, act: Callable[[WorkerCore], Iterable[Effect]]) -> None:
        """Have the hub do something to the core. Raises TimeoutError, and what it raises."""
        done: SimpleQueue[Exception | None] = SimpleQueue()

        def told(core: WorkerCore) -> Iterable[Effect]:
            try:
                effects = act(core)
            except Exception as broken:
                done.put(broken)
                return ()
            done.put(None)
            return effects

        self.worker.ask(told)
        try:
            broken = done.get(timeout=PATIENCE)
        except Empty:
            raise TimeoutError(f"the worker was too busy for {PATIENCE:g} s") from None
        if broken is not None:
            raise broken

    def hands(self) -> list[InHand]:
        """Return all that the worker has in hand."""
        return self.look(lambda core: core.hands())

    def info(self, hand: InHand, *, safe: bool = False) -> dict[str, Any]:
        """Return a call in hand as Celery's workers show it."""
        began, options = hand.began, hand.options
        found = self.surroundings.info(hand.delivery.message, safe=safe)
        found["time_start"] = None if began is None else began.timestamp()
        found["worker_pid"] = hand.pid
        found["acknowledged"] = bool(began and options and not options.acks_late)
        found["delivery_info"]["redelivered"] = hand.delivery.redelivered
        return found
