"""A pool of child processes, on its hub's side: hears children, sees to their births and deaths.

What must stay true: a child's last words are read before what it held is declared lost; no event is
sent with the lock held; nothing a child does or fails to do makes the hub wait.

If the nursery dies (the kernel was short of memory, say), the hub cannot make children any more:
forking itself would copy its threads' locks and its live connections. It kills the children it
has, answers for all jobs, and sends Broken, so that the worker leaves and is started afresh.
"""

import contextlib
import logging
import os
import selectors
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final

from ....domain.work.job import Broken, Inbox, Job, Lost, PoolEvent, Runner
from ....ports.pool import Pool, Stop
from .burial import how_it_ended
from .crew import Crew
from .nursery import Born, Died, News, Nursery, Stillborn
from .plan import Plan
from .spoke import AtStop, Doom, Spoke
from .succession import Succession
from .workload import Workload, answers

logger = logging.getLogger("celeriac.pool")

NOT_RUNNING: Final = "the pool is not running any more"
STOPPED: Final = "the pool was stopped before the job ended"
# Seconds given to children to leave, or to die, when the pool is stopped.
PARTING: Final = 2.0


class ChildrenPool(Pool):
    """What all pools have in common whose jobs run in child processes."""

    def __init__(self, plan: Plan, crew: Crew, work: Workload) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._crew, self._work = crew, work
        self._owed = 0
        self._closed = False
        self._finished = False
        self._wakes_at = inf
        self._thread: threading.Thread | None = None
        self._woken = self._waker = -1
        self._selector: selectors.BaseSelector
        self._nurseries: Succession
        self._runner: Runner
        self._inbox: Inbox

    @property
    def pids(self) -> Sequence[int]:
        """The children that are alive."""
        with self._lock:
            return [spoke.pid for spoke in self._crew if spoke.pid is not None]

    @property
    def wants_main_thread(self) -> bool:
        """No: jobs have the main threads of the children."""
        return False

    def run_main(self) -> None:
        """Return at once."""

    def start(self, runner: Runner, inbox: Inbox) -> None:
        """Fork the nursery, ask it for children, and listen to them in a thread."""
        self._inbox, self._runner = inbox, runner
        self._nurseries = Succession(Nursery(runner, self._plan))
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._watch(self._nurseries.present)
        with self._lock:
            self._recruit(time.monotonic())
        self._thread = threading.Thread(target=self._listen, name="celeriac-pool", daemon=True)
        self._thread.start()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Deal jobs to children that have room; the rest waits here."""
        with self._lock:
            if not self._closed:
                self._owed += len(jobs)
                self._work.add(jobs)
                self._work.deal(time.monotonic())
                self._wake_in_time()
                return
        if jobs:
            self._inbox(Lost((), [job.number for job in jobs], NOT_RUNNING))

    def room(self) -> int:
        """Jobs that children could take now, if they are like those submitted last."""
        with self._lock:
            return 0 if self._closed else self._work.room(time.monotonic())

    # -- stopping ------------------------------------------------------------------------------

    def stop(self, how: Stop, deadline: float) -> None:
        """Let jobs end within the deadline, then kill what still runs; answer for all of them."""
        end = time.monotonic() + deadline
        with self._lock:
            self._closed = True
            if self._thread is None or self._finished:
                return
            if how is Stop.WARM:
                self._answered.wait_for(lambda: not self._owed, deadline)
            self._end_everything(kill=how is Stop.COLD)
            self._await_parting(max(end - time.monotonic(), PARTING))
            for spoke in list(self._crew):
                self._kill(spoke, AtStop())
            self._await_parting(PARTING)
            for spoke in list(self._crew):
                self._bury(spoke, STOPPED)
            self._finished = True
            self._wake()
        self._thread.join(PARTING)
        for nursery in self._nurseries.all():
            nursery.close(PARTING)
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)

    def _end_everything(self, kill: bool) -> None:
        self._crew.closed = True
        self._work.drop_backlog(STOPPED)
        for spoke in list(self._crew):
            if kill or spoke.inflight or not spoke.ready:
                self._kill(spoke, AtStop())
            else:
                self._work.send_away(spoke)
        self._wake()

    def _await_parting(self, patience: float) -> None:
        self._answered.wait_for(lambda: not self._crew.spokes and not self._owed, patience)

    def _watch(self, nursery: Nursery) -> None:
        self._selector.register(nursery.sock, selectors.EVENT_READ, nursery)

    # -- the listening thread ------------------------------------------------------------------

    def _wake_in_time(self) -> None:
        """See to it that the listening thread is awake when it is needed."""
        if self._work.has_news or any(
            spoke.blocked or spoke.check_at < self._wakes_at for spoke in self._crew
        ):
            self._wake()

    def _wake(self) -> None:
        self._wakes_at = 0.0
        with contextlib.suppress(OSError):  # it has been woken often enough, or is no more
            os.write(self._waker, b"!")

    def _listen(self) -> None:
        while True:
            with self._lock:
                pause = self._pause()
            ready = self._selector.select(pause)
            with self._lock:
                self._attend(ready, time.monotonic())
                events = self._work.harvest()
            for event in events:
                self._send(event)
            with self._lock:
                self._owed -= sum(map(answers, events))
                self._answered.notify_all()
                if self._finished and not self._work.has_news:
                    return

    def _send(self, event: PoolEvent) -> None:
        try:
            self._inbox(event)
        except Exception:
            logger.exception("the pool's inbox raised, which it must not")

    def _pause(self) -> float | None:
        if self._work.has_news or self._finished:
            return 0.0
        at = self._crew.next_birth if self._crew.missing else inf
        for spoke in self._crew:
            at = min(at, spoke.check_at)
        self._wakes_at = at
        return None if at == inf else max(0.0, at - time.monotonic())

    def _attend(self, ready: Iterable[tuple[selectors.SelectorKey, int]], now: float) -> None:
        """Do all there is to do now."""
        for key, mask in ready:
            match key.data:
                case Spoke() as spoke if spoke.id in self._crew.spokes:
                    self._hear(spoke, mask)
                case Nursery() as nursery if nursery.sock in self._selector.get_map():
                    self._read_news(nursery)
                case None:
                    os.read(self._woken, 4096)
        self._see_to_nurseries()
        self._work.deal(now)
        for spoke in list(self._crew):
            if spoke.check_at <= now:
                self._look_after(spoke, now)
            self._select(spoke)
        self._recruit(now)

    def _hear(self, spoke: Spoke, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            spoke.flush()
        if mask & selectors.EVENT_READ:
            frames = spoke.receive()
            if frames is None:
                # It is dead or about to be; the nursery will say how it ended.
                self._selector.unregister(spoke.sock)
            else:
                self._work.take_in(spoke, frames)

    def _select(self, spoke: Spoke) -> None:
        """Wait for room in a child's socket only while there is something to send."""
        key = self._selector.get_map().get(spoke.sock)
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if spoke.blocked else 0)
        if key is not None and key.events != mask:
            self._selector.modify(spoke.sock, mask, spoke)

    # -- limits --------------------------------------------------------------------------------

    def _look_after(self, spoke: Spoke, now: float) -> None:
        """See to the limits of what a child runs, where that is the hub's matter."""
        spoke.check_at = inf

    def _kill(self, spoke: Spoke, doom: Doom) -> None:
        spoke.doom = spoke.doom or doom
        spoke.journal.hold()
        self._signal(spoke, signal.SIGKILL)

    def _signal(self, spoke: Spoke, signum: int) -> None:
        with contextlib.suppress(OSError):  # the nursery is gone, which its socket will tell
            if spoke.nursery is not None:
                spoke.nursery.signal(spoke.id, signum)

    def _see_to_nurseries(self) -> None:
        """Let one follow another, where a pool can do that."""

    # -- births and deaths ---------------------------------------------------------------------

    def _recruit(self, now: float) -> None:
        if not self._crew.missing:
            return
        try:
            for spoke in self._crew.recruit(self._nurseries.present, now):
                self._selector.register(spoke.sock, selectors.EVENT_READ, spoke)
        except OSError as exc:
            logger.error("no child can be made now: %s", exc)
            self._crew.next_birth = now + 1.0

    def _read_news(self, nursery: Nursery) -> None:
        try:
            for news in nursery.read():
                self._take_note(news)
        except EOFError:
            self._selector.unregister(nursery.sock)
            if not self._finished:
                self._lose(nursery)

    def _lose(self, nursery: Nursery) -> None:
        """Go on without it, if that can be: its children died with it."""
        self._give_up()

    def _take_note(self, news: News) -> None:
        spoke = self._crew.spokes.get(news.child)
        if spoke is None:
            return
        match news:
            case Born(_, pid):
                spoke.pid = pid
            case Died(_, pid, status):
                self._work.take_in(spoke, spoke.drain())
                self._bury(spoke, how_it_ended(pid, status))
            case Stillborn(_, reason):
                self._bury(spoke, f"a process could not be forked ({os.strerror(reason)})")

    def _bury(self, spoke: Spoke, how: str) -> None:
        self._work.bury(spoke, STOPPED if isinstance(spoke.doom, AtStop) else how)
        if spoke.sock in self._selector.get_map():
            self._selector.unregister(spoke.sock)
        self._crew.remove(spoke, time.monotonic(), how)

    def _give_up(self) -> None:
        """Without the nursery no child can be made: answer for everything, and say so."""
        cause = f"the process {self._nurseries.present.pid} that makes the pool's children died"
        logger.critical("%s; this worker cannot go on and must be started afresh", cause)
        self._closed = self._crew.closed = True
        for spoke in list(self._crew):
            if spoke.pid is not None:
                with contextlib.suppress(ProcessLookupError):  # the system did, with its parent
                    os.kill(spoke.pid, signal.SIGKILL)
            self._work.take_in(spoke, spoke.drain())
            self._bury(spoke, cause)
        self._work.drop_backlog(cause)
        self._work.say(Broken(cause))
