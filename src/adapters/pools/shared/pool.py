"""A pool whose jobs run side by side in one child process, on its hub's side."""

from collections.abc import Sequence
from typing import Final

from ....domain.errors import NotSupported
from ....domain.work.job import Resized
from ....ports.pool import Cancel, PoolCapabilities
from ..prefork.crew import Crew
from ..prefork.plan import METHODS, Plan
from ..prefork.restarting import RestartingPool
from .child import SharedOptions
from .workload import SharedSpoke, SharedWorkload

_CHILDREN: Final = 1


class SharedPool(RestartingPool):
    """Runs jobs side by side in a child; what that child is like is the subclass's matter.

    `slots` is how many run at once. When the child dies, what it had begun is lost, and another
    takes its place.
    """

    #: What users call it, and the function its child runs.
    name: str
    body: str
    #: Statements that the child runs before it imports anything else.
    first: str = ""

    def __init__(
        self, slots: int, *, announce_starts: bool = False, start_method: str = "fork"
    ) -> None:
        if slots < 1:
            raise NotSupported(
                f"worker_concurrency={slots}: the {self.name} pool needs at least one slot"
            )
        if start_method not in METHODS:
            raise NotSupported(
                f"worker_pool_start_method={start_method!r}: expected {', '.join(METHODS)}"
            )
        crew = Crew(_CHILDREN, SharedSpoke)
        self._shared = SharedWorkload(crew, slots, announce_starts)
        plan = Plan(self.body, SharedOptions(slots), start_method, self.first)
        super().__init__(plan, crew, self._shared)

    @property
    def capabilities(self) -> PoolCapabilities:
        """All but a process for each job."""
        return PoolCapabilities(
            kill=True, soft_limit=True, hard_limit=True, resize=True, shared=True
        )

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._shared.slots

    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Take back, interrupt or stop."""
        with self._lock:
            self._shared.cancel(numbers, how)
            self._wake_in_time()

    def resize(self, by: int) -> None:
        """Let more or fewer jobs run at once; those that run end in their own time."""
        with self._lock:
            self._shared.resize(max(1, self._shared.slots + by))
            self._shared.say(Resized(self._shared.slots))
            self._wake_in_time()
