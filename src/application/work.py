"""The worker: a shell that carries messages to its core and carries out what the core decides.

Four threads, whose waiting is all on one inbox:

- the hub (`run`) owns the core. While there is work it claims by itself, so that a loaded worker
  pays no hand-over between threads;
- the intake (`wait_for_work`) waits for the first message when there is none;
- the keeper (`keep_lease`) renews the lease;
- the rescuer (`rescue`) adopts what dead workers held.

No settlement is ever dropped: one that the store could not take is tried again until it can, or
until the lease is lost and the work belongs to somebody else.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from queue import SimpleQueue
from typing import Any, Final

from ..domain.canvas.chords import ChordPart
from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost, NotSupported
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.admission import Ask
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Admit, Bury, Effect, Join, Kill, Note, Release, Settle, Start
from ..domain.work.job import Began, Broken, Cancelled, Lost, Progressed, Report, Reported, TimedOut
from ..domain.work.settlement import Settlement
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.lease import LeaseGuard
from ..ports.pool import Cancel, Pool, Stop
from ..ports.results import ResultBackend
from ..ports.settler import Settler
from .admission import Admission
from .autoscale import Autoscaling
from .chronicle import Chronicle
from .claim_more import Claiming
from .departure import KILL_SECONDS, Departure
from .inbox import Adopted, Asked, Claimed, Event, LeaseGone, StopAsked, drain
from .keep_lease import Keeper
from .make_whole import MakingWhole
from .refusals import SettlementMender
from .rescue import Rescuer
from .run_task import TaskRunner
from .settle_later import Settling
from .tell_of_arrivals import Arrivals
from .wait_for_work import CLAIM_SECONDS, Intake
from .work_log import WorkLog

logger = logging.getLogger("celeriac.worker")

#: How long the hub sleeps at most when nothing happens, in seconds.
IDLE_SECONDS: Final = 1.0

#: These may be about a job that only a report before them has told of.
_NAMING_JOBS: Final = (Began, Lost, TimedOut, Cancelled)
_AWAY = (BrokerUnavailable, BackendUnavailable)


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """What a worker is told by its settings. Times are seconds."""

    node: str
    queues: Sequence[str]
    lease: float = 15.0
    grace: float = 30.0
    #: Of dates in old messages that say they are local.
    zone: tzinfo = UTC


class Worker:
    """Takes tasks from queues and has them run, until it is told to stop."""

    def __init__(
        self,
        settings: WorkSettings,
        core: WorkerCore,
        broker: Broker,
        settler: Settler,
        results: ResultBackend | None,
        pool: Pool,
        runner: TaskRunner,
        clock: Clock,
        inbox: "SimpleQueue[Any] | None" = None,
        housekeeping: Callable[[], None] = _nothing,
        guard: LeaseGuard | None = None,
        admission: Admission | None = None,
    ) -> None:
        """Wire the parts; nothing happens before `start`.

        `inbox` is that of a pool that was started already, as one must be that forks.
        """
        self.settings, self.core, self.pool = settings, core, pool
        self._broker, self._results, self._clock = broker, results, clock
        self._runner = runner
        self._starts_pool = inbox is None
        self.inbox: SimpleQueue[Event] = SimpleQueue() if inbox is None else inbox
        self._log = WorkLog(core)
        self.chronicle = Chronicle(core, runner.find, clock)
        #: What it works on; only the hub changes it.
        self.queues = list(settings.queues)
        self._over = threading.Event()
        self._whole = MakingWhole(runner.codec, settings.zone)
        self.tell = Arrivals(settings.node, runner.codec, runner.find)
        self._settling = Settling(SettlementMender(settler, runner.refused_result), clock)
        queues, over = self.queues, self._over
        self.intake = Intake(broker, queues, self.inbox, over, clock)
        prolong = _nothing if admission is None else admission.prolong
        self.keeper = Keeper(broker, settings.lease, self.inbox, over, prolong, clock, guard)
        self.rescuer = Rescuer(broker, queues, settings.lease, self.inbox, over, housekeeping)
        #: When the hub last did a round, in monotonic seconds; None: it has not begun.
        self.turned_at: float | None = None
        #: What resizes its pool with the work there is, where that was asked for.
        self.autoscaling: Autoscaling | None = None
        self._admission = admission
        self._claiming = Claiming(core, broker, pool, self.intake, queues, clock, self.inbox.put)
        self._departure = Departure(settings.grace)
        self._homeless = False
        self.finished = threading.Event()
        self.completed = 0
        #: Why the pool could not go on, if that is why the worker stopped.
        self.broken: str | None = None

    # -- from the outside, any thread

    def start(self) -> None:
        """Start the pool, then join the cluster. Raises BrokerUnavailable."""
        # The pool comes first: its processes must not inherit a connection.
        if self._starts_pool:
            self.pool.start(self._runner, self.inbox.put)
        self._broker.open()
        self._enlist()

    def stop(self, *, cold: bool = False, soft: float | None = None, idle: bool = False) -> None:
        """Ask for a stop: warm gives what runs the grace period, cold gives it none.

        `soft` gives it that many seconds; with `idle` also when nothing runs.
        """
        self.inbox.put(StopAsked(cold, soft, idle))

    def ask(self, act: Callable[[WorkerCore], Iterable[Effect]]) -> None:
        """Have something done to the core by the thread that owns it."""
        self.inbox.put(Asked(act))

    def serve(self, queue: str) -> Iterable[Effect]:
        """Work on a further queue. To be asked for: only the hub may change what is claimed."""
        if queue not in self.queues:
            self.queues.append(queue)
            self._broker.wake()
        return ()

    def leave_queue(self, queue: str) -> Iterable[Effect]:
        """Claim from a queue no more; what is in hand is done still. To be asked for, as above."""
        if queue in self.queues:
            self.queues.remove(queue)
            self._broker.wake()
        return ()

    def run(self) -> None:
        """Work until stopped. Returns when everything is settled or given back."""
        threads = [
            threading.Thread(target=self.intake.run, name="celeriac-intake", daemon=True),
            threading.Thread(target=self.keeper.run, name="celeriac-keeper", daemon=True),
            threading.Thread(target=self.rescuer.run, name="celeriac-rescuer", daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            self.turn(0.0)
            while not self.is_over():
                self.turn(self._patience())
        finally:
            self.end(threads)

    def work_off(self, step: Callable[[], bool]) -> None:
        """Do all that is due now and leave, without any thread.

        `step` has the pool do one thing, and tells whether there was one. What cannot go on before
        time has passed is given back.
        """
        try:
            while True:
                self.intake.asked = False
                self.turn(0.0)
                stepped = step()
                if self.intake.asked and not stepped and self.inbox.empty():
                    break
        finally:
            self._carry_out(self.core.stop())
            self.end([])

    # -- the hub

    def turn(self, wait: float) -> None:
        """Do one round: take in what has happened, wait up to `wait` seconds if nothing has."""
        self._react(drain(self.inbox, wait))
        if not self.inbox.empty():  # mostly what was claimed with a settlement
            self._react(drain(self.inbox, 0.0))
        self._settle(())
        self.turned_at = tick = self._clock.monotonic()
        self._mind_the_clock(tick)
        self._give_back()
        self.core.on_tick(tick)
        self._carry_out(self.core.start(self.pool.room()))
        if not self._settling.waiting or self.intake.asked:
            self._claiming.more()

    def _react(self, events: Iterable[Event]) -> None:
        reports: list[Report] = []
        for event in events:
            if isinstance(event, Reported):
                reports.extend(event.reports)
                continue
            if reports and isinstance(event, _NAMING_JOBS):
                self._ended(reports)
                reports = []
            self._carry_out(self._effects_of(event))
        if reports:
            self._ended(reports)

    def _ended(self, reports: Sequence[Report]) -> None:
        if links := self.core.on_relays(reports):
            self._arrived(links)
        self._log.reports(reports)
        self.chronicle.reports(reports)
        self.chronicle.ended(reports)
        self.completed += len(reports)
        self._carry_out(self.core.on_reports(reports))

    def _effects_of(self, event: Event) -> Iterable[Effect]:
        now, tick = self._clock.now(), self._clock.monotonic()
        match event:
            case Claimed(batch):
                self._claiming.came(event)
                batch = self._whole.deliveries(batch)
                self._arrived(batch)
                return self.core.on_deliveries(batch, now, tick)
            case Adopted(orphans):
                logger.warning("adopted %d deliveries of workers that died", len(orphans))
                return self.core.on_orphans(self._whole.orphans(orphans), now)
            case LeaseGone():
                return self._rejoin()
            case StopAsked():
                return self._begin_stop(tick, event)
            case Asked(act):
                return act(self.core)
            case Broken(cause):
                logger.critical("the pool can run nothing any more, the worker leaves: %s", cause)
                self.broken = cause
                return self._begin_stop(tick, StopAsked(cold=True))
            case Progressed(records):
                self._store([progress.record for progress in records])
                return []
            case _:
                self.chronicle.saw(event)
                return self.core.on_pool(event, now)

    def _arrived(self, batch: Sequence[Delivery | Undecodable]) -> None:
        self._log.received(batch)
        self.tell.received(batch)
        self.chronicle.received(batch)

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        reports: list[Report] = []
        for effect in effects:
            match effect:
                case Settle(settlements):
                    self._settle(settlements)
                case Start():
                    self._start(effect)
                case Release(keys):
                    if self._admission is not None:
                        self._admission.release(keys)
                case Admit(asks):
                    self._carry_out(self._admitted(asks))
                case Bury():
                    reports.append(self._bury(effect))
                case Join(number, delivery):
                    reports.append(self._runner.join(number, delivery.message, self._parts))
                case Kill(numbers):
                    self.pool.cancel(numbers, Cancel.KILL)
                case Note():
                    self._log.note(effect)
                    self.tell.noted(effect)
        if reports:
            self.chronicle.ended(reports)
            self._carry_out(self.core.on_reports(reports))

    def _admitted(self, asks: Sequence[Ask]) -> Iterable[Effect]:
        if self._admission is None:
            raise NotSupported("this worker was given nobody to ask about limits of the cluster")
        answers = self._admission.ask(asks)
        return self.core.on_admission(answers, self._clock.now(), self._clock.monotonic())

    def _give_back(self) -> None:
        if self._admission is not None:
            self._admission.give_back(self.core.freed())

    def _start(self, start: Start) -> None:
        marks = list(start.mark.values())
        try:
            valid = self._broker.mark_started(marks, start.early) if marks else ()
        except LeaseLost:
            self.inbox.put(LeaseGone())
            return
        except Exception as away:
            # Unmarked they must not run; they go back to the queue as never begun.
            logger.warning("cannot mark %d tasks as started: %s", len(start.jobs), away)
            numbers = [job.number for job in start.jobs]
            self.inbox.put(Cancelled(numbers))
            self._settling.back_off()
            return
        jobs = start.jobs
        if not all(valid):
            refused = {number for number, ok in zip(start.mark, valid, strict=True) if not ok}
            self.core.unmarked(refused)
            jobs = [job for job in jobs if job.number not in refused]
        if jobs:
            self.pool.submit(jobs)

    def _bury(self, bury: Bury) -> Report:
        self.tell.buried(bury)
        self.chronicle.buried(bury)
        return self._runner.bury(
            bury.number,
            bury.delivery.message,
            bury.error,
            timed_out=bury.timed_out,
            disposition=bury.disposition,
            state=bury.state,
        )

    def _parts(self, group_id: str) -> Sequence[ChordPart]:
        if self._results is None:
            raise NotSupported("no results are kept here (result_backend), so no chord can be told")
        return self._results.fetch_parts(group_id)

    def _store(self, records: list[ResultRecord]) -> None:
        if self._results is None:
            return
        try:
            self._results.store(records)
        except Exception as broken:
            # Progress is a courtesy: the end of the task will be stored whatever happens.
            logger.warning("progress of %d tasks not stored: %s", len(records), broken)

    def _settle(self, settlements: Sequence[Settlement], *, now: bool = False) -> None:
        wish = self._claiming.beside() if settlements and self._settling.claims else None
        try:
            claimed = self._settling.add(settlements, wish)
            if settlements:
                self._claiming.settled()
            if wish is not None and claimed is not None:
                self._claiming.looked(claimed, wish.limit)
            self._settling.go_on(now=now)
        except LeaseLost:
            self.inbox.put(LeaseGone())

    # -- the lease

    def _enlist(self) -> None:
        asked_at = self._clock.monotonic()
        self._broker.enlist(self.settings.node, self.settings.lease)
        self.keeper.renewed(asked_at)

    def _rejoin(self) -> Iterable[Effect]:
        try:
            if self._broker.renew():
                return []  # several threads met the same loss, and one word of it was enough
        except (LeaseLost, *_AWAY):
            logger.debug("the lease cannot be asked about, so it counts as lost")
        if not self._homeless:
            logger.error(
                "the lease of %g s was lost (worker_lease): what was in hand belongs to other "
                "workers now, and nothing of it will be committed here",
                self.settings.lease,
            )
        self._homeless = True
        effects = self.core.lease_lost()
        if self._admission is not None:
            self._admission.forget()
        self._settling.forget()
        try:
            self._enlist()
            self._homeless = False
        except _AWAY as away:
            logger.warning("cannot rejoin yet: %s", away)
            self._settling.back_off()
        return effects

    # -- the end

    def _begin_stop(self, tick: float, asked: StopAsked) -> Iterable[Effect]:
        grace = self._departure.ask(tick, cold=asked.cold, soft=asked.soft, idle=asked.idle)
        effects = self.core.stop()
        self._broker.wake()
        if self.core.running:
            logger.warning(
                "stopping: %d tasks have %g s to end (%s)",
                self.core.running,
                grace,
                "worker_grace_period" if asked.soft is None else "worker_soft_shutdown_timeout",
            )
        return effects

    def _mind_the_clock(self, tick: float) -> None:
        if not self._departure.time_is_up(tick):
            return
        if self.core.running:
            logger.warning("grace period over: %d tasks are cancelled", self.core.running)
        self._carry_out(self.core.end_grace())

    @property
    def homeless(self) -> bool:
        """Whether the lease was lost, and no new one was got yet."""
        return self._homeless

    @property
    def cold(self) -> bool:
        """Whether it stops cold."""
        return self._departure.cold

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._departure.asked

    @property
    def unsettled(self) -> int:
        """How many settlements wait for the store."""
        return self._settling.waiting

    def is_over(self) -> bool:
        """Tell whether a stop that was asked for has come to its end."""
        settled = self.core.idle and not self._settling.waiting
        can_kill = self.pool.capabilities.kill
        return self._departure.is_over(self._clock.monotonic(), settled=settled, can_kill=can_kill)

    def _patience(self) -> float:
        if not self.inbox.empty():
            return 0.0
        tick = self._clock.monotonic()
        times = [tick + IDLE_SECONDS]
        if self._settling.waiting:
            times.append(self._settling.retry_at)
        dues = (self._departure.look_at(tick), self.core.next_tick(), self._claiming.until)
        times += [due for due in dues if due is not None]
        return max(0.0, min(times) - tick)

    def end(self, threads: Sequence[threading.Thread]) -> None:
        """End the pool and the threads, settle what they said last, leave the cluster."""
        self._over.set()
        self.intake.wake()
        self.pool.stop(Stop.COLD if self._departure.cold else Stop.WARM, KILL_SECONDS)
        self._runner.stop()
        for thread in threads:
            thread.join(CLAIM_SECONDS + 1)
        self._last_words()
        self._leave()
        self.finished.set()

    def _leave(self) -> None:
        if self._settling.waiting or not self.core.idle:
            # Given back these would count as never begun, and be run a second time.
            logger.warning(
                "%d settlements could not be committed, so the lease will run out instead: whoever "
                "adopts them knows that they had begun",
                self._settling.waiting,
            )
            return
        try:
            self._broker.leave()
        except (LeaseLost, *_AWAY) as away:
            logger.warning("could not leave in order, the lease will run out instead: %s", away)

    def _last_words(self) -> None:
        """Take in what the pool and the intake said last; what is claimed is given back."""
        self._react(drain(self.inbox, 0.0))
        self._settle((), now=True)
        self._give_back()
