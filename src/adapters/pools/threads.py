"""Jobs on threads of this process: for tasks that mostly wait for the network or the disk.

A thread cannot be killed. One that runs past its job's hard limit is given up: its job is answered
as timed out, a fresh thread takes its slot, and what it still brings about is not heard.
"""

import threading

from ...domain.errors import NotSupported
from ...domain.work.job import Resized
from ...ports.pool import PoolCapabilities
from .in_process import InProcessPool, Lane


class ThreadsPool(InProcessPool):
    """Runs jobs on a number of threads that share one backlog."""

    instead = "it is left to itself and replaced"

    def __init__(self, slots: int, announce_starts: bool = False) -> None:
        if slots < 1:
            raise NotSupported(f"worker_concurrency={slots}: a pool of threads needs at least one")
        super().__init__(slots, announce_starts)

    @property
    def capabilities(self) -> PoolCapabilities:
        """Limits, and any number of slots; but no job can be killed."""
        return PoolCapabilities(soft_limit=True, hard_limit=True, resize=True)

    def resize(self, by: int) -> None:
        """Add threads, or send some away once they have finished what they run."""
        with self._lock:
            self._slots = max(1, self._slots + by)
            staffed = sorted((lane for lane in self._lanes if not lane.dismissed), key=_is_busy)
            for _ in range(self._slots - len(staffed)):
                self._staff()
            for lane in staffed[: max(0, len(staffed) - self._slots)]:
                lane.dismissed = True
            self._work.notify_all()
        self._inbox(Resized(self._slots))

    def _staff(self) -> None:
        lane = Lane()
        self._lanes.append(lane)
        lane.thread = threading.Thread(
            target=self._serve_or_break, args=(lane,), name="celeriac-thread", daemon=True
        )
        lane.thread.start()

    def _give_up(self, lane: Lane) -> None:
        replace = not lane.dismissed
        self._dismiss(lane)
        if replace:
            self._staff()


def _is_busy(lane: Lane) -> bool:
    return lane.job is not None
