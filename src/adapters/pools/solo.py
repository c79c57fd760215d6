"""One job at a time, in this process; by default in its main thread.

Signal handlers, event loops and GUI libraries want the main thread, and the worker's own loop must
go on whatever a task does with its time: so the worker's loop lives in another thread, and the
main thread is lent to the jobs by `run_main`.
"""

import threading

from ...domain.errors import NotSupported
from ...ports.pool import PoolCapabilities
from .in_process import InProcessPool, Lane


class SoloPool(InProcessPool):
    """Runs jobs one by one in `run_main`, or in a thread of its own with `main_thread=False`."""

    def __init__(self, main_thread: bool = True, announce_starts: bool = False) -> None:
        super().__init__(1, announce_starts)
        self._main_thread = main_thread
        self._lane = Lane()

    @property
    def capabilities(self) -> PoolCapabilities:
        """A soft limit is all it can impose on a job, and only while that runs Python code."""
        return PoolCapabilities(soft_limit=True)

    @property
    def wants_main_thread(self) -> bool:
        """Whether jobs wait for `run_main`."""
        return self._main_thread

    def run_main(self) -> None:
        """Run jobs in the calling thread until the pool is stopped."""
        if self._main_thread:
            self._serve(self._lane)

    def resize(self, by: int) -> None:
        """Refuse: one is all there is."""
        raise NotSupported(
            f"the solo pool runs one job at a time and cannot be resized by {by:+d}; "
            "use worker_pool='threads' or 'prefork'"
        )

    def _staff(self) -> None:
        self._lanes.append(self._lane)
        if not self._main_thread:
            self._lane.thread = threading.Thread(
                target=self._serve_or_break, args=(self._lane,), name="celeriac-solo", daemon=True
            )
            self._lane.thread.start()

    def _can_replace(self) -> bool:
        return False
