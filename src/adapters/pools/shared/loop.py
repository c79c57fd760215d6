"""The child with an event loop: `async def` tasks on it, thousands at once, others in threads."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from ....domain.errors import SoftTimeLimitExceeded
from ....domain.work.job import GivenUp, LoopRun, LoopRunner, Report
from ..prefork import wire
from .child import Run, SharedChild, SharedOptions
from .side_threads import SideThreads

logger = logging.getLogger("celeriac.pool")

#: Objects made, less those freed, before the collector looks at the young: at least so many, and so
#: many a slot, for a coroutine that waits is some fifty objects, and its own may be as many. Where
#: a thousand began and ended together, looking every 10,000 took a third of this thread's time.
YOUNG, YOUNG_PER_SLOT = 10_000, 100
#: How many such looks before it looks at those left over, and at all.
OLDER: Final = (20, 20)


def live(sock: int, journal: int, runner: LoopRunner, options: SharedOptions) -> None:
    """Be the child. Returns when the hub has said good-bye."""
    LoopChild(sock, runner, options).live()


class LoopChild(SharedChild):
    """Jobs are tasks of one event loop in the main thread, or run in threads beside it."""

    _runner: LoopRunner

    def __init__(self, sock: int, runner: LoopRunner, options: SharedOptions) -> None:
        super().__init__(sock, runner, options)
        self._sending = threading.Lock()
        self._over = False
        self._loop: asyncio.AbstractEventLoop
        self._threads: SideThreads

    def live(self) -> None:
        """Run jobs until the hub says good-bye."""
        # First, since it may choose another kind of loop.
        self._runner.start()
        gc.freeze()
        gc.set_threshold(max(YOUNG, YOUNG_PER_SLOT * self._slots), *OLDER)
        self._loop = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._threads = SideThreads(self._runner, self.say, self._thread_ended)
        loop.add_reader(self._sock.fileno(), self.hear)
        self.send(wire.frame(wire.READY))
        while not self._over:
            try:
                loop.run_forever()
            except BaseException as error:
                # SystemExit of something that a task left running in the background.
                logger.warning("the event loop goes on after %r", error)
        loop.remove_reader(self._sock.fileno())
        self._clear(loop)
        self._runner.stop()

    def begin(self, run: Run) -> None:
        """Begin on the loop what is a coroutine, all else in a thread."""
        if self._runner.on_loop(run.job):
            run.way = _Errand(self, run)
        else:
            self._threads.run(run)

    def interrupt(self, run: Run) -> None:
        """Raise it where the coroutine awaits, or in the thread."""
        if run.way is None:
            self._threads.interrupt(run)
        else:
            run.way.interrupt()

    def end(self, run: Run) -> None:
        """Cancel the coroutine; a thread can only be interrupted."""
        if run.way is None:
            self._threads.interrupt(run, GivenUp)
        else:
            run.way.cancel()

    def soon(self, call: Callable[[], None]) -> None:
        """Call in the loop's next round."""
        self._loop.call_soon(call)

    def later(self, seconds: float, call: Callable[[Any], None], about: Any) -> asyncio.TimerHandle:
        """Call by the loop's clock."""
        return self._loop.call_later(seconds, call, about)

    def forget(self, timer: asyncio.TimerHandle) -> None:
        """Cancel the handle."""
        timer.cancel()

    def over(self) -> None:
        """Stop the loop."""
        self._over = True
        self._loop.stop()

    def send(self, data: bytes) -> None:
        """Send; progress comes from threads as well."""
        with self._sending:
            super().send(data)

    def way_of(self, run: Run) -> LoopRun:
        """Return what runs a job."""
        return self._runner.run_async(run.job, self.say)

    def _thread_ended(self, run: Run, report: Report | None, error: BaseException | None) -> None:
        self._loop.call_soon_threadsafe(self.ended, run, report, error)

    @staticmethod
    def _clear(loop: asyncio.AbstractEventLoop) -> None:
        """End what tasks have left running, and the loop."""
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _Cancelled(GivenUp, asyncio.CancelledError):
    """What a coroutine meets that is given up: to its own code a cancellation as any other."""


class _Errand:
    """One job on the loop."""

    __slots__ = ("_child", "_entered", "_run", "_task", "_way")

    def __init__(self, child: LoopChild, run: Run) -> None:
        self._child, self._run = child, run
        self._entered = False
        self._way: LoopRun | None = None
        self._task = asyncio.get_running_loop().create_task(self._carry())

    async def _carry(self) -> None:
        self._entered = True
        self._way = self._child.way_of(self._run)
        report = error = None
        try:
            report = await self._way
        except BaseException as raised:
            # Not the task's doing, which would be a report: cancelled at the very edge, or a
            # fault of the runner.
            error = raised
        self._child.ended(self._run, report, error)
        # It holds this, which holds it: left so, the collector would have to part each pair.
        self._run.way = None

    def interrupt(self) -> None:
        if self._way is None:
            self._child.soon(self.interrupt)  # it has not come to its first step yet
        elif not self._task.done():
            self._way.interrupt(SoftTimeLimitExceeded())
            self._task.cancel()

    def cancel(self) -> None:
        if self._way is not None:
            self._way.interrupt(_Cancelled())
        self._task.cancel()
        if not self._entered:
            self._child.ended(self._run, None, None)
