"""The hub's side of the prefork pool: deals jobs to children, and hears what became of them.

What must stay true: a job is either in the backlog or in flight at exactly one child, and whoever
takes it out answers for it; a child's last words are read before what it held is declared lost; no
event is sent with the lock held; nothing a child does or fails to do makes the hub wait.

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
from collections import deque
from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import Any, Final

from ....domain.errors import NotSupported
from ....domain.work.job import (
    Began,
    Broken,
    Cancelled,
    Inbox,
    Job,
    Lost,
    PoolEvent,
    Progressed,
    Report,
    Reported,
    Resized,
    Runner,
    TimedOut,
)
from ....ports.pool import Cancel, Pool, PoolCapabilities, Stop
from ..pace import Pace
from . import wire
from .burial import how_it_ended, last_rites
from .child import SOFT_SIGNAL, ChildOptions
from .crew import Crew
from .nursery import Born, Died, News, Nursery, Stillborn
from .spoke import WINDOW, AtStop, Doom, Spoke
from .vigil import Interrupt, Kill, TakeBack, measures

logger = logging.getLogger("celeriac.pool")

NOT_RUNNING: Final = "the pool is not running any more"
STOPPED: Final = "the pool was stopped before the job ended"
# Seconds given to children to leave, or to die, when the pool is stopped.
PARTING: Final = 2.0


class PreforkPool(Pool):
    """Runs jobs in child processes.

    `max_tasks` and `max_memory` (KiB) let a child be replaced after so many jobs or once it has
    grown so large; `start_method` is there to be refused.
    """

    def __init__(
        self,
        slots: int,
        *,
        max_tasks: int | None = None,
        max_memory: int | None = None,
        announce_starts: bool = False,
        start_method: str = "fork",
    ) -> None:
        if start_method != "fork":
            raise NotSupported(
                f"worker_pool_start_method={start_method!r}: prefork's children are forked from a "
                "process that has the application imported; use 'fork', or worker_pool='threads'"
            )
        if slots < 1:
            raise NotSupported(f"worker_concurrency={slots}: prefork needs at least one child")
        self._options = ChildOptions(announce_starts, max_memory)
        self._max_tasks = max_tasks or None
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._crew = Crew(slots)
        self._backlog: deque[Job] = deque()
        self._unwanted: dict[int, Cancel] = {}
        self._pace = Pace()
        self._owed = 0
        self._posted: list[PoolEvent] = []
        self._closed = False
        self._finished = False
        self._wakes_at = inf
        self._selector: selectors.BaseSelector
        self._woken = self._waker = -1
        self._thread: threading.Thread | None = None
        self._nursery: Nursery
        self._inbox: Inbox

    @property
    def capabilities(self) -> PoolCapabilities:
        """All there is."""
        return PoolCapabilities(
            kill=True, soft_limit=True, hard_limit=True, resize=True, isolated=True
        )

    @property
    def slots(self) -> int:
        """How many children there should be."""
        return self._crew.wanted

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
        self._inbox = inbox
        self._nursery = Nursery(runner, self._options)
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._selector.register(self._nursery.sock, selectors.EVENT_READ, self._nursery)
        with self._lock:
            self._recruit(time.monotonic())
        self._thread = threading.Thread(target=self._listen, name="celeriac-pool", daemon=True)
        self._thread.start()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Deal jobs to children that have room; the rest waits here."""
        with self._lock:
            if not self._closed:
                self._owed += len(jobs)
                self._backlog.extend(jobs)
                self._pace.note(jobs)
                self._deal(time.monotonic())
                return
        self._inbox(Lost((), [job.number for job in jobs], NOT_RUNNING))

    def room(self) -> int:
        """Jobs that children could take now, if they are like those submitted last."""
        with self._lock:
            if self._closed:
                return 0
            each, now = self._pace.jobs_per_slot(), time.monotonic()
            # Those that are being born count as well, unless they keep dying of it.
            free = 0 if self._crew.failing else each * self._crew.unborn
            for spoke in self._crew:
                if spoke.open and spoke.load < WINDOW and not spoke.overdue(now):
                    free += max(0, each - len(spoke.inflight))
            return max(0, free - len(self._backlog))

    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Take back, interrupt or kill."""
        wanted = set(numbers)
        now = time.monotonic()
        with self._lock:
            taken = [job.number for job in self._backlog if job.number in wanted]
            if taken:
                self._backlog = deque(job for job in self._backlog if job.number not in wanted)
                self._post(Cancelled(taken))
            for spoke in self._crew:
                held = [number for number in wanted if number in spoke.inflight]
                if held:
                    self._unwanted.update(dict.fromkeys(held, how))
                    spoke.send(wire.frame(wire.CANCEL, held))
                    self._look_after(spoke, now)
                    self._watch(spoke)

    def resize(self, by: int) -> None:
        """Ask for more children, or send some away once they have finished what they run."""
        with self._lock:
            crew = self._crew
            crew.wanted = max(1, crew.wanted + by)
            staying = [spoke for spoke in crew if not spoke.leaving]
            for spoke in sorted(staying, key=_load)[: max(0, len(staying) - crew.wanted)]:
                self._send_away(spoke, recall=True)
            crew.next_birth = min(crew.next_birth, 0.0) if not crew.failing else crew.next_birth
            self._post(Resized(crew.wanted))

    def stop(self, how: Stop, deadline: float) -> None:
        """Let jobs end within the deadline, then kill what still runs; answer for all of them."""
        end = time.monotonic() + deadline
        with self._lock:
            if self._thread is None or self._finished:
                self._closed = True
                return
            self._closed = True
            if how is Stop.WARM:
                self._answered.wait_for(lambda: not self._owed, deadline)
            self._end_everything(kill=how is Stop.COLD)
        self._await_parting(max(end - time.monotonic(), PARTING))
        with self._lock:
            for spoke in list(self._crew):
                self._kill(spoke, AtStop())
        self._await_parting(PARTING)
        with self._lock:
            for spoke in list(self._crew):
                self._bury(spoke, STOPPED)
            self._answered.wait_for(lambda: not self._owed, PARTING)
            self._finished = True
            self._wake()
        self._thread.join(PARTING)
        self._nursery.close(PARTING)
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)

    # -- stopping ------------------------------------------------------------------------------

    def _end_everything(self, kill: bool) -> None:
        self._crew.closed = True
        if self._backlog:
            self._post(Lost((), [job.number for job in self._backlog], STOPPED))
            self._backlog.clear()
        for spoke in list(self._crew):
            if kill or spoke.inflight or not spoke.ready:
                self._kill(spoke, AtStop())
            else:
                self._send_away(spoke)
        self._wake()

    def _await_parting(self, patience: float) -> None:
        with self._lock:
            self._answered.wait_for(lambda: not self._crew.spokes and not self._owed, patience)

    # -- dealing -------------------------------------------------------------------------------

    def _deal(self, now: float) -> None:
        """Give from the backlog to the children that want more, evenly, the idlest first."""
        if not self._backlog:
            return
        hungry = sorted((spoke for spoke in self._crew if spoke.hungry(now)), key=_load)
        for left, spoke in zip(range(len(hungry), 0, -1), hungry, strict=True):
            if not self._backlog:
                break
            self._give(spoke, ceil(len(self._backlog) / left), now)

    def _give(self, spoke: Spoke, most: int, now: float) -> None:
        if self._max_tasks:
            most = min(most, self._max_tasks - spoke.sent)
        jobs = spoke.take(self._backlog, most, now)
        if not jobs:
            return
        data, refused = wire.frame_of_rows(wire.JOBS, [wire.job_row(job) for job in jobs])
        for number, cause in refused:
            spoke.settle(number)
            self._post(Lost((number,), (), cause))
        spoke.send(data)
        self._watch(spoke)
        if self._max_tasks and spoke.sent >= self._max_tasks:
            self._send_away(spoke)

    def _send_away(self, spoke: Spoke, recall: bool = False) -> None:
        """Let a child leave when it has done, or handed back, all it holds."""
        if spoke.leaving:
            return
        spoke.leaving = True
        spoke.send((wire.frame(wire.RECALL) if recall else b"") + wire.frame(wire.BYE))
        self._watch(spoke)

    def _watch(self, spoke: Spoke) -> None:
        """See to it that the listening thread wakes up for this child in time."""
        if spoke.blocked or spoke.check_at < self._wakes_at:
            self._wake()

    def _wake(self) -> None:
        self._wakes_at = 0.0
        with contextlib.suppress(BlockingIOError):  # it has been woken often enough
            os.write(self._waker, b"!")

    def _post(self, event: PoolEvent) -> None:
        """Have the listening thread send an event."""
        self._posted.append(event)
        self._wake()

    # -- the listening thread ------------------------------------------------------------------

    def _listen(self) -> None:
        while True:
            with self._lock:
                pause = self._pause()
            ready = self._selector.select(pause)
            with self._lock:
                events = self._attend(ready)
            for event in events:
                try:
                    self._inbox(event)
                except Exception:
                    logger.exception("the pool's inbox raised, which it must not")
            with self._lock:
                self._owed -= sum(map(_answers, events))
                self._answered.notify_all()
                if self._finished and not self._posted:
                    return

    def _pause(self) -> float | None:
        if self._posted or self._finished:
            return 0.0
        at = self._crew.next_birth if self._crew.missing else inf
        for spoke in self._crew:
            at = min(at, spoke.check_at)
        self._wakes_at = at
        return None if at == inf else max(0.0, at - time.monotonic())

    def _attend(self, ready: Iterable[tuple[selectors.SelectorKey, int]]) -> list[PoolEvent]:
        """Do all there is to do now, and return what the inbox is to be told."""
        now = time.monotonic()
        reports: list[Report] = []
        for key, mask in ready:
            match key.data:
                case Spoke() as spoke if spoke.id in self._crew.spokes:
                    if mask & selectors.EVENT_WRITE:
                        spoke.flush()
                    if mask & selectors.EVENT_READ:
                        self._hear(spoke, reports, now)
                case Nursery() as nursery:
                    self._read_news(nursery, reports, now)
                case None:
                    os.read(self._woken, 4096)
        self._deal(now)
        for spoke in list(self._crew):
            if spoke.check_at <= now:
                self._look_after(spoke, now)
            self._select(spoke)
        self._recruit(now)
        events, self._posted = self._posted, []
        # Last, since a job's report must not overtake what it had to say before.
        return [*events, Reported(reports)] if reports else events

    def _select(self, spoke: Spoke) -> None:
        """Wait for room in a child's socket only while there is something to send."""
        key = self._selector.get_map().get(spoke.sock)
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if spoke.blocked else 0)
        if key is not None and key.events != mask:
            self._selector.modify(spoke.sock, mask, spoke)

    def _hear(self, spoke: Spoke, reports: list[Report], now: float) -> None:
        frames = spoke.receive()
        if frames is None:
            # It is dead or about to be; the nursery will say how it ended.
            self._selector.unregister(spoke.sock)
            return
        for kind, value in frames:
            self._take_in(spoke, kind, value, reports, now)

    def _take_in(
        self, spoke: Spoke, kind: int, value: Any, reports: list[Report], now: float
    ) -> None:
        match kind:
            case wire.REPORTS:
                self._take_in_reports(spoke, value, reports)
            case wire.PROGRESS:
                self._posted.append(Progressed([wire.progress_of(row) for row in value]))
            case wire.BEGAN:
                self._posted.append(Began(value, spoke.pid or 0))
            case wire.RECALLED:
                self._take_back(spoke, value)
            case wire.CANCELLED:
                given_up = [n for n in value if spoke.settle(n)]
                self._forget_unwanted(given_up)
                if given_up:
                    self._posted.append(Cancelled(given_up))
                spoke.check_at = now
            case wire.READY:
                self._crew.is_ready(spoke)
            case wire.FAILED:
                number, cause = value
                if spoke.settle(number):
                    self._forget_unwanted((number,))
                    self._posted.append(Lost((number,), (), cause))
            case wire.RETIRE:
                self._send_away(spoke)

    def _take_in_reports(self, spoke: Spoke, rows: list[wire.Row], reports: list[Report]) -> None:
        settle = spoke.settle
        for row in rows:
            if settle(row[0]) is None:
                continue
            if self._unwanted:
                self._forget_unwanted((row[0],))
            try:
                reports.append(wire.report_of(row))
            except Exception as exc:
                cause = f"what came of it cannot be read from process {spoke.pid}: {exc!r}"
                self._posted.append(Lost((row[0],), (), cause))

    def _take_back(self, spoke: Spoke, numbers: list[int]) -> None:
        """Put jobs that a child gave back before all others, but for those nobody wants now."""
        jobs = [job for number in numbers if (job := spoke.settle(number))]
        spoke.sent -= len(jobs)
        unwanted = [job.number for job in jobs if job.number in self._unwanted]
        if unwanted:
            self._forget_unwanted(unwanted)
            self._posted.append(Cancelled(unwanted))
            jobs = [job for job in jobs if job.number not in unwanted]
        if self._crew.closed and jobs:
            self._posted.append(Lost((), [job.number for job in jobs], STOPPED))
        else:
            self._backlog.extendleft(reversed(jobs))

    def _forget_unwanted(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._unwanted.pop(number, None)

    def _look_after(self, spoke: Spoke, now: float) -> None:
        todo, spoke.check_at = measures(spoke, now, self._unwanted)
        for measure in todo:
            match measure:
                case Kill(doom):
                    self._kill(spoke, doom)
                case Interrupt(number):
                    spoke.interrupted = number
                    spoke.journal.interrupt(number)
                    self._signal(spoke, SOFT_SIGNAL)
                case TakeBack(number):
                    spoke.stuck = number
                    spoke.send(wire.frame(wire.RECALL))

    def _kill(self, spoke: Spoke, doom: Doom) -> None:
        if spoke.doom is None:
            spoke.doom = doom
        spoke.journal.hold()
        self._signal(spoke, signal.SIGKILL)

    def _signal(self, spoke: Spoke, signum: int) -> None:
        try:
            self._nursery.signal(spoke.id, signum)
        except OSError:
            logger.debug("the nursery is gone; its socket's end will tell")

    # -- births and deaths ---------------------------------------------------------------------

    def _recruit(self, now: float) -> None:
        if not self._crew.missing:
            return
        try:
            for spoke in self._crew.recruit(self._nursery, now):
                self._selector.register(spoke.sock, selectors.EVENT_READ, spoke)
        except OSError as exc:
            logger.error("no child can be made now: %s", exc)
            self._crew.next_birth = now + 1.0

    def _read_news(self, nursery: Nursery, reports: list[Report], now: float) -> None:
        try:
            for news in nursery.read():
                self._take_note(news, reports, now)
        except EOFError:
            self._selector.unregister(nursery.sock)
            if not self._finished:
                self._give_up(reports, now)

    def _take_note(self, news: News, reports: list[Report], now: float) -> None:
        spoke = self._crew.spokes.get(news.child)
        if spoke is None:
            return
        match news:
            case Born(_, pid):
                spoke.pid = pid
            case Died(_, pid, status):
                self._hear_last_words(spoke, reports, now)
                self._bury(spoke, how_it_ended(pid, status))
            case Stillborn(_, reason):
                self._bury(spoke, f"a process could not be forked ({os.strerror(reason)})")

    def _hear_last_words(self, spoke: Spoke, reports: list[Report], now: float) -> None:
        for kind, value in spoke.drain():
            self._take_in(spoke, kind, value, reports, now)

    def _bury(self, spoke: Spoke, how: str) -> None:
        events = last_rites(spoke, STOPPED if isinstance(spoke.doom, AtStop) else how)
        self._forget_unwanted(spoke.inflight)
        self._posted += events
        if spoke.sock in self._selector.get_map():
            self._selector.unregister(spoke.sock)
        self._crew.remove(spoke, time.monotonic(), how)
        self._wake()

    def _give_up(self, reports: list[Report], now: float) -> None:
        """Without the nursery no child can be made: answer for everything, and say so."""
        cause = f"the process {self._nursery.pid} that makes the pool's children died"
        logger.critical("%s; this worker cannot go on and must be started afresh", cause)
        self._closed = self._crew.closed = True
        for spoke in list(self._crew):
            if spoke.pid is not None:
                _end(spoke.pid)
            self._hear_last_words(spoke, reports, now)
            self._bury(spoke, cause)
        if self._backlog:
            self._posted.append(Lost((), [job.number for job in self._backlog], cause))
            self._backlog.clear()
        self._posted.append(Broken(cause))


def _load(spoke: Spoke) -> float:
    return spoke.load


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # the system has killed it with its parent
        os.kill(pid, signal.SIGKILL)


def _answers(event: PoolEvent) -> int:
    """How many jobs an event answers."""
    match event:
        case Reported(reports):
            return len(reports)
        case Lost(started, unstarted):
            return len(started) + len(unstarted)
        case TimedOut(_, _, unstarted):
            return 1 + len(unstarted)
        case Cancelled(numbers):
            return len(numbers)
    return 0
