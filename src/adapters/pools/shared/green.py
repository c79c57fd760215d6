"""The children of green threads: each job is a greenlet, which gives way whenever it waits.

That it does is the work of `first`, the statements that make the standard library's waiting
cooperative before anything else is imported. What must stay true: what is called by the hub of the
green threads (`soon`, `later`) never waits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from ....domain.errors import SoftTimeLimitExceeded
from ....domain.work.job import GivenUp, Report, Runner
from ..prefork import wire
from .child import Run, SharedChild, SharedOptions


class GreenChild(SharedChild):
    """What children of greenlets do alike."""

    #: What ends a greenlet whose job is given up: GreenletExit to its own code.
    exit: type[BaseException]

    def begin(self, run: Run) -> None:
        """Make a greenlet of it."""
        run.way = self.spawn(partial(self._carry, run))

    def interrupt(self, run: Run) -> None:
        """Raise it where the greenlet waits."""
        if run.way is not None and run.entered:
            self.throw(run.way, SoftTimeLimitExceeded)
        else:
            self.soon(partial(self.interrupt, run))

    def end(self, run: Run) -> None:
        """Raise GreenletExit where the greenlet waits."""
        self.throw(run.way, self.exit)
        if not run.entered:
            self.ended(run, None, None)

    def spawn(self, call: Callable[[], None]) -> Any:
        """Return a greenlet that will call."""
        raise NotImplementedError

    def throw(self, greenlet: Any, error: type[BaseException]) -> None:
        """Raise an error in a greenlet."""
        raise NotImplementedError

    def _carry(self, run: Run) -> None:
        run.entered = True
        report: Report | None = None
        error: BaseException | None = None
        try:
            report = self._runner.run(run.job, self.say)
        except BaseException as raised:
            # Not the task's doing, which would be a report: it was ended at the very edge.
            error = raised
        self.ended(run, report, error)


class GeventChild(GreenChild):
    """Greenlets of gevent."""

    def live(self) -> None:
        """Run jobs until the hub says good-bye."""
        import gevent
        from gevent.event import Event

        self._gevent, self._over = gevent, Event()
        self.exit = _exit_of(gevent.GreenletExit)
        self._events = gevent.get_hub().loop
        self._runner.start()
        readable = self._events.io(self._sock.fileno(), 1)
        readable.start(self.hear)
        self.send(wire.frame(wire.READY))
        self._over.wait()
        readable.stop()
        readable.close()
        self._runner.stop()

    def spawn(self, call: Callable[[], None]) -> Any:
        """Begin it in the next round of the hub."""
        return self._gevent.spawn(call)

    def throw(self, greenlet: Any, error: type[BaseException]) -> None:
        """Raise it in the next round of the hub."""
        greenlet.kill(error, block=False)

    def soon(self, call: Callable[[], None]) -> None:
        """Call in the next round of the hub."""
        self._events.run_callback(call)

    def later(self, seconds: float, call: Callable[[Any], None], about: Any) -> Any:
        """Call by the hub's clock."""
        timer = self._events.timer(seconds)
        timer.start(call, about)
        return timer

    def forget(self, timer: Any) -> None:
        """Close the timer."""
        timer.stop()
        timer.close()

    def over(self) -> None:
        """Let the main greenlet go."""
        self._over.set()


class EventletChild(GreenChild):
    """Greenlets of eventlet."""

    def live(self) -> None:
        """Run jobs until the hub says good-bye."""
        import eventlet
        from eventlet import event, hubs

        self._eventlet, self._over = eventlet, event.Event()
        self.exit = _exit_of(eventlet.greenlet.GreenletExit)
        self._hub = hubs.get_hub()
        self._runner.start()
        reader = eventlet.spawn(self._read, hubs.trampoline)
        self.send(wire.frame(wire.READY))
        self._over.wait()
        reader.kill()
        self._runner.stop()

    def _read(self, wait: Callable[..., None]) -> None:
        while True:
            wait(self._sock.fileno(), read=True)
            self.hear()

    def spawn(self, call: Callable[[], None]) -> Any:
        """Begin it in the next round of the hub."""
        return self._eventlet.spawn(call)

    def throw(self, greenlet: Any, error: type[BaseException]) -> None:
        """Raise it now, or in the next round if it is called by a greenlet."""
        greenlet.kill(error)

    def soon(self, call: Callable[[], None]) -> None:
        """Call in the next round of the hub."""
        self._hub.schedule_call_global(0, call)

    def later(self, seconds: float, call: Callable[[Any], None], about: Any) -> Any:
        """Call by the hub's clock."""
        return self._hub.schedule_call_global(seconds, call, about)

    def forget(self, timer: Any) -> None:
        """Cancel the timer."""
        timer.cancel()

    def over(self) -> None:
        """Let the main greenlet go."""
        if not self._over.ready():
            self._over.send()


def _exit_of(theirs: type[BaseException]) -> type[BaseException]:
    return type("GivenUpGreenlet", (GivenUp, theirs), {})


def live_gevent(sock: int, journal: int, runner: Runner, options: SharedOptions) -> None:
    """Be the child of greenlets of gevent."""
    GeventChild(sock, runner, options).live()


def live_eventlet(sock: int, journal: int, runner: Runner, options: SharedOptions) -> None:
    """Be the child of greenlets of eventlet."""
    EventletChild(sock, runner, options).live()
