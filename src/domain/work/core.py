"""WorkerCore: events and the time in, effects out.

Every delivery that comes in is answered by exactly one settlement, or belongs to another worker
because the lease was lost. The core does nothing itself and knows no clock: `now` is wall time
(aware UTC), `tick` is monotonic seconds.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from ..errors import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from ..messaging.delivery import Delivery, Orphan, Token, Undecodable
from ..messaging.message import TaskMessage
from ..tasks import states
from ..tasks.builtin_names import JOIN_CHORD
from ..tasks.options import CLUSTER, TaskOptions
from . import crash_policy
from .admission import Ask, Lines, ask_of
from .capacity import SHORT, RunTimes, prefetch
from .crash_policy import Verdict
from .effects import Admit, Bury, Effect, Join, Kill, Note, Release, Settle, Start
from .hands import InHand, Stamps, as_values, meant_by
from .intake import Drop, FindTask, JoinChord, NotYet, Run, decide, unknown
from .job import Began, Cancelled, Job, Lost, PoolEvent, Report, Reported, Resized, TimedOut
from .limits import Bucket, rate, time_limits
from .queue_slots import Claim, claims
from .revocation import Revoked
from .settlement import DONE, REQUEUE, DeadLetter, Disposition, Park, Requeue, Settlement
from .uniqueness import AT_START, UniqueKey, handed_on, key_of
from .uniqueness import HEADER as UNIQUE

#: A rate-limited task due within this time (seconds) is held here; a later one is parked.
HOLD_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """What a worker is told by its settings. Limits are seconds."""

    slots: int
    prefetch_multiplier: int = 4
    disable_prefetch: bool = False
    max_crashes: int = 3
    time_limit: float | None = None
    soft_time_limit: float | None = None
    disable_rate_limits: bool = False
    #: How many tasks of a queue may be in hand, where that is limited.
    queue_slots: Mapping[str, int] = field(default_factory=dict)
    #: What part of its slots a pool is given jobs beyond them, so that none is idle for as long as
    #: word of an end takes to come and the next job to go.
    ahead: float = 0.0


@dataclass(slots=True)
class _Held:
    """A delivery in this worker's hands; with a number it is at the pool or being buried."""

    delivery: Delivery
    options: TaskOptions | None
    number: int = 0
    revoked: bool = False
    cancelled: bool = False
    began: datetime | None = None
    pid: int | None = None


class _Answer:
    """Collects what a call is answered with; all its settlements go in one batch, last."""

    __slots__ = ("effects", "now", "settlements")

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.effects: list[Effect] = []
        self.settlements: list[Settlement] = []

    def note(self, what: str, message: TaskMessage, detail: str) -> None:
        self.effects.append(Note(what, message.task, message.id, detail))

    def settle(self, token: Token, disposition: Disposition) -> None:
        self.settlements.append(Settlement(token, disposition))

    def all(self) -> list[Effect]:
        if self.settlements:
            self.effects.append(Settle(self.settlements))
        return self.effects


class WorkerCore:
    """Decides what a worker does. Not thread-safe: one thread feeds it."""

    def __init__(self, policy: WorkerPolicy, find: FindTask) -> None:
        """Start with empty hands."""
        self.policy = policy
        self.slots = policy.slots
        self.revoked = Revoked()
        self.stopping = False
        #: Stamps by which tasks are revoked, and time limits (hard, soft) set while it runs.
        self.revoked_stamps: dict[str, list[object]] = {}
        self.time_limits: dict[str, tuple[float | None, float | None]] = {}
        self._find = find
        self._numbers = count(1)
        self._waiting: deque[_Held] = deque()
        self._limited: deque[tuple[float, _Held]] = deque()
        self._at_pool: dict[int, _Held] = {}
        self._graves: dict[int, _Held] = {}
        self._buckets: dict[str, Bucket | None] = {}
        self._times = RunTimes()
        self._asking: list[tuple[_Held, Ask, float | None]] = []
        self._slots_of: dict[int, Sequence[tuple[str, str]]] = {}
        self._lines = Lines()

    # -- what the shell asks

    @property
    def held(self) -> int:
        """How many deliveries are in this worker's hands."""
        return len(self._waiting) + len(self._limited) + len(self._at_pool) + len(self._graves)

    @property
    def running(self) -> int:
        """How many jobs are at the pool."""
        return len(self._at_pool)

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand."""
        return self.held == 0

    @property
    def is_brief(self) -> bool:
        """Whether something runs, and all of it is expected to be over in a moment."""
        running = {held.delivery.message.task for held in self._at_pool.values()}
        return bool(running) and all((self._times.of(task) or 1.0) <= SHORT for task in running)

    def jobs(self) -> Sequence[tuple[int, Delivery]]:
        """Return the jobs at the pool by number."""
        return [(number, held.delivery) for number, held in self._at_pool.items()]

    def delivery(self, number: int) -> Delivery | None:
        """Return the delivery of a job at the pool, or of one being buried."""
        held = self._at_pool.get(number) or self._graves.get(number)
        return held.delivery if held else None

    def waiting(self) -> Sequence[Delivery]:
        """Return what is claimed and has not been handed over."""
        return [held.delivery for held in (*self._waiting, *(held for _, held in self._limited))]

    def hands(self) -> list[InHand]:
        """Return all that is in hand."""
        limited = [held for _, held in self._limited]
        return [
            *(
                InHand("active", h.delivery, h.options, h.began, h.pid)
                for h in self._at_pool.values()
            ),
            *(InHand("reserved", h.delivery, h.options) for h in self._waiting),
            *(InHand("scheduled", h.delivery, h.options) for h in limited),
        ]

    def room(self, pool_room: int) -> int:
        """Return how many deliveries to claim, given how many jobs the pool could take now."""
        if self.stopping:
            return 0
        policy = self.policy
        allowed = prefetch(self.slots, policy.prefetch_multiplier, disabled=policy.disable_prefetch)
        free = allowed - self.held
        if policy.prefetch_multiplier == 1 or policy.disable_prefetch:
            return max(0, free)
        # Short tasks are claimed by the time they take rather than by their number.
        return max(0, free, pool_room - len(self._waiting))

    def claims(self, queues: Sequence[str], pool_room: int) -> list[Claim]:
        """Return what to claim out of these queues now, in order."""
        room, slots = self.room(pool_room), self.policy.queue_slots
        if not slots:
            return [Claim(queues, room)] if room > 0 and queues else []
        limited = (held for _, held in self._limited)
        hands = (self._waiting, limited, self._at_pool.values(), self._graves.values())
        held = Counter(one.delivery.queue for hand in hands for one in hand)
        return claims(queues, slots, held, room)

    def next_tick(self) -> float | None:
        """Return when `tick` has something to do, in monotonic seconds."""
        return self._limited[0][0] if self._limited else None

    # -- events

    def on_deliveries(
        self, batch: Iterable[Delivery | Undecodable], now: datetime, tick: float
    ) -> list[Effect]:
        """Take claimed messages in."""
        answer = _Answer(now)
        for item in batch:
            if isinstance(item, Undecodable):
                _refuse(item, answer)
            elif self.stopping:
                answer.settle(item.token, REQUEUE)
            else:
                self._take_in(item, tick, answer)
        return answer.all()

    def on_orphans(self, orphans: Iterable[Orphan], now: datetime) -> list[Effect]:
        """Judge what was adopted from workers that died."""
        answer = _Answer(now)
        for orphan in orphans:
            found = orphan.delivery
            if isinstance(found, Undecodable):
                _refuse(found, answer)
            elif found.message.task == JOIN_CHORD:
                self._join(found, answer)
            else:
                held = _Held(found, self._find(found.message.task))
                self._judge(held, orphan.started, f"its worker {orphan.owner} died", answer)
        return answer.all()

    def on_seized(self, batch: Iterable[Delivery | Undecodable], now: datetime) -> list[Effect]:
        """Drop what was taken out of its queue because it is revoked, as if claimed in its turn."""
        answer = _Answer(now)
        for item in batch:
            if isinstance(item, Undecodable):
                _refuse(item, answer)
            elif item.message.task == JOIN_CHORD:
                self._join(item, answer)
            else:
                self._drop(item, _REVOKED, answer)
        return answer.all()

    def on_pool(self, event: PoolEvent, now: datetime) -> list[Effect]:
        """Take in what the pool says."""
        answer = _Answer(now)
        match event:
            case Reported(reports):
                return self.on_reports(reports)
            case Lost(started, unstarted, cause):
                self._lost(started, cause, answer, begun=True)
                self._lost(unstarted, cause, answer, begun=False)
            case TimedOut(number, limit, unstarted):
                self._timed_out(number, limit, answer)
                self._lost(unstarted, "", answer, begun=False)
            case Cancelled(numbers, started):
                self._cancelled(numbers, started, answer)
            case Resized(slots):
                self.slots = slots
            case Began(numbers, pid):
                for number in numbers:
                    if held := self._at_pool.get(number):
                        held.began, held.pid = now, pid
        return answer.all()

    def on_reports(self, reports: Iterable[Report]) -> list[Effect]:
        """Settle what has come to its end. Reports of jobs no longer ours are dropped."""
        settlements: list[Settlement] = []
        free: list[UniqueKey] = []
        for report in reports:
            held = self._at_pool.pop(report.number, None)
            if held is not None:
                self._times.learn(held.delivery.message.task, report.runtime)
            else:
                held = self._graves.pop(report.number, None)
            if held is not None:
                message = held.delivery.message
                if UNIQUE in message.headers:
                    report, key = handed_on(message, report)
                    free += [key] if key else ()
                settlements.append(_settlement(held.delivery.token, report))
        if not settlements:
            return []
        return [Settle(settlements), Release(free)] if free else [Settle(settlements)]

    def on_tick(self, tick: float) -> None:
        """Let go of rate-limited tasks whose time has come."""
        while self._limited and self._limited[0][0] <= tick:
            self._waiting.append(self._limited.popleft()[1])

    def start(self, pool_room: int) -> list[Effect]:
        """Hand over what fits: long or unknown jobs to free slots only, short ones in batches.

        Every job is marked: the mark tells a worker that adopts it whether it may be repeated,
        and whether its process died of it. What shares a limit with the cluster asks it first.
        """
        jobs: list[Job] = []
        asking = self._asking = []
        most = self.slots + int(self.slots * self.policy.ahead)
        while self._waiting:
            held = self._waiting[0]
            estimate = self._times.of(held.delivery.message.task)
            short = estimate is not None and estimate <= SHORT
            ahead = len(asking)
            full = len(jobs) + ahead >= pool_room if short else len(self._at_pool) + ahead >= most
            if full:
                break
            self._waiting.popleft()
            ask = self._ask_of(held)
            if ask is None:
                jobs.append(self._job(held, estimate))
            else:
                asking.append((held, ask, estimate))
        effects = self._starting(jobs)
        return [*effects, Admit([ask for _, ask, _ in asking])] if asking else effects

    def on_admission(self, answers: Sequence[float], now: datetime, tick: float) -> list[Effect]:
        """Start those whom the cluster lets begin (0.0); the others wait in the store.

        An answer is else the seconds until a token could be there, or infinity: no slot is free.
        """
        asked, self._asking = self._asking, []
        answer, jobs = _Answer(now), []
        for (held, ask, estimate), wait in zip(asked, answers, strict=True):
            if wait:
                seconds = self._lines.behind(ask, wait, estimate, tick)
                answer.settle(held.delivery.token, Park(now + timedelta(seconds=seconds)))
                continue
            jobs.append(self._job(held, estimate))
            if ask.slots:
                self._slots_of[held.number] = [(name, ask.holder) for name, _ in ask.slots]
        return [*self._starting(jobs), *answer.all()]

    def freed(self) -> list[tuple[str, str]]:
        """Return, once, the slots (name, holder) of jobs that are no longer in these hands."""
        if not self._slots_of:
            return []
        over = [
            number
            for number in self._slots_of
            if number not in self._at_pool and number not in self._graves
        ]
        return [slot for number in over for slot in self._slots_of.pop(number)]

    def _ask_of(self, held: _Held) -> Ask | None:
        options = held.options
        if options is None:
            return None
        bucket = self._bucket(options) if options.rate_limit_scope == CLUSTER else None
        return ask_of(held.delivery, options, None if bucket is None else bucket.rate)

    def _starting(self, jobs: list[Job]) -> list[Effect]:
        if not jobs:
            return []
        begun = [self._at_pool[job.number] for job in jobs]
        early = {held.delivery.token for held in begun if _is_early(held)}
        start = Start(jobs, [held.delivery.token for held in begun], early)
        keys = [key for job in jobs if UNIQUE in job.message.headers and (key := _at_start(job))]
        return [start, Release(keys)] if keys else [start]

    def unmarked(self, numbers: Iterable[int]) -> None:
        """Forget jobs whose mark was refused: they belong to somebody else by now."""
        for number in numbers:
            self._at_pool.pop(number, None)

    def revoke(
        self, ids: Iterable[str], now: datetime, tick: float, *, terminate: bool = False
    ) -> list[Effect]:
        """Remember revoked ids; drop what waits here; end what runs, if `terminate`."""
        wanted = set(ids)
        self.revoked.add(wanted, tick)
        return self._revoke(lambda message: message.id in wanted, now, terminate)

    def revoke_stamped(
        self, stamps: Stamps, now: datetime, *, terminate: bool = False
    ) -> list[Effect]:
        """Remember stamps; drop what waits here with one of them, end what runs if `terminate`."""
        for name, values in stamps.items():
            known = self.revoked_stamps.setdefault(name, [])
            known += [value for value in as_values(values) if value not in known]
        return self._revoke(meant_by(stamps), now, terminate)

    def _revoke(
        self, is_meant: Callable[[TaskMessage], bool], now: datetime, terminate: bool
    ) -> list[Effect]:
        answer = _Answer(now)
        for held in self._withdraw(is_meant):
            self._drop(held.delivery, _REVOKED, answer)
        if terminate:
            hit = [n for n, held in self._at_pool.items() if is_meant(held.delivery.message)]
            for number in hit:
                self._at_pool[number].revoked = True
            if hit:
                answer.effects.append(Kill(hit))
        return answer.all()

    def rate_limit(self, task: str, value: str | float | None) -> None:
        """Set the rate limit of a task from now on. Raises ValueError."""
        per_second = rate(value)
        self._buckets[task] = None if per_second is None else Bucket(per_second)

    def stop(self) -> list[Effect]:
        """Stop taking in, and give back what has not been handed over."""
        self.stopping = True
        waiting = [*self._waiting, *(held for _, held in self._limited)]
        self._waiting.clear()
        self._limited.clear()
        settlements = [Settlement(held.delivery.token, REQUEUE) for held in waiting]
        return [Settle(settlements)] if settlements else []

    def end_grace(self) -> list[Effect]:
        """Cancel what still runs; it is given back when the pool answers."""
        for held in self._at_pool.values():
            held.cancelled = True
        return [Kill(list(self._at_pool))] if self._at_pool else []

    def lease_lost(self) -> list[Effect]:
        """Forget everything: it belongs to whoever adopts it. What runs is ended in vain."""
        numbers = list(self._at_pool)
        for hands in (self._waiting, self._limited, self._at_pool, self._graves, self._slots_of):
            hands.clear()  # slots too: what runs goes on for a moment, and they run out
        return [Kill(numbers)] if numbers else []

    # -- intake

    def _take_in(self, delivery: Delivery, tick: float, answer: _Answer) -> None:
        if self.revoked_stamps and meant_by(self.revoked_stamps)(delivery.message):
            self._drop(delivery, _REVOKED, answer)
            return
        match decide(delivery, self._find, self.revoked, answer.now, self.policy.max_crashes):
            case Run(options):
                self._admit(_Held(delivery, options), options, tick, answer)
            case NotYet(until):
                answer.settle(delivery.token, Park(until))
            case Drop() as drop:
                self._drop(delivery, drop, answer)
            case JoinChord():
                self._join(delivery, answer)

    def _admit(self, held: _Held, options: TaskOptions, tick: float, answer: _Answer) -> None:
        bucket = self._bucket(options) if options.rate_limit_scope != CLUSTER else None
        wait = bucket.take(tick) if bucket is not None else 0.0
        if bucket is None or not wait:
            self._waiting.append(held)
        elif wait > HOLD_SECONDS or self._limited:
            # The first in line is promised the next token; the others wait in the store.
            later = answer.now + timedelta(seconds=max(wait, HOLD_SECONDS / 2))
            answer.settle(held.delivery.token, Park(later))
        else:
            bucket.tokens -= 1.0
            self._limited.append((tick + wait, held))

    def _bucket(self, options: TaskOptions) -> Bucket | None:
        if self.policy.disable_rate_limits:
            return None
        if options.name not in self._buckets:
            self.rate_limit(options.name, options.rate_limit)
        return self._buckets[options.name]

    def _drop(self, delivery: Delivery, drop: Drop, answer: _Answer) -> None:
        """Have it told why it is not run: chords and chains may be waiting for it."""
        answer.note(_WORD.get(drop.state, "refused"), delivery.message, str(drop.error))
        number = next(self._numbers)
        self._graves[number] = _Held(delivery, None, number)
        disposition = None if drop.disposition == DONE else drop.disposition
        answer.effects.append(
            Bury(number, delivery, drop.error, disposition=disposition, state=drop.state)
        )

    def _join(self, delivery: Delivery, answer: _Answer) -> None:
        number = next(self._numbers)
        self._graves[number] = _Held(delivery, None, number)
        answer.effects.append(Join(number, delivery))

    def _job(self, held: _Held, estimate: float | None) -> Job:
        number = held.number = next(self._numbers)
        self._at_pool[number] = held
        message, policy = held.delivery.message, self.policy
        hard = soft = None
        if held.options is not None:
            hard, soft = time_limits(
                message, held.options, policy.time_limit, policy.soft_time_limit, self.time_limits
            )
        return Job(number, message, soft, hard, held.delivery.redelivered, estimate)

    def _withdraw(self, is_meant: Callable[[TaskMessage], bool]) -> list[_Held]:
        everything = (*self._waiting, *(held for _, held in self._limited))
        found = [held for held in everything if is_meant(held.delivery.message)]
        if found:
            kept = [held for held in self._waiting if held not in found]
            self._waiting = deque(kept)
            self._limited = deque(pair for pair in self._limited if pair[1] not in found)
        return found

    # -- the ends that no report tells of

    def _lost(self, numbers: Iterable[int], cause: str, answer: _Answer, *, begun: bool) -> None:
        for number in numbers:
            held = self._at_pool.pop(number, None)
            if held is not None:
                self._judge(held, begun, cause, answer)

    def _judge(self, held: _Held, started: bool, cause: str, answer: _Answer) -> None:
        if started and (held.revoked or held.cancelled):
            self._end_cancelled(held, answer)
            return
        delivery, limit = held.delivery, self.policy.max_crashes
        match crash_policy.verdict(delivery, held.options, started=started, max_crashes=limit):
            case Verdict.REDELIVER:
                answer.settle(delivery.token, REQUEUE)
            case Verdict.COUNT_AND_REDELIVER:
                answer.note("lost", delivery.message, f"{cause}; delivered again")
                answer.settle(delivery.token, Requeue(crashed=True))
            case Verdict.FAIL:
                answer.note("lost", delivery.message, f"{cause}; not repeated")
                self._bury(held, WorkerLostError(cause), answer)
            case Verdict.UNKNOWN:
                self._drop(delivery, unknown(delivery.message.task), answer)
            case Verdict.DEAD_LETTER:
                detail = f"{cause}; that was crash {delivery.crashes + 1} of at most {limit}"
                answer.note("lost", delivery.message, detail)
                self._bury(held, WorkerLostError(detail), answer, DeadLetter("crashes", detail))

    def _timed_out(self, number: int, limit: float, answer: _Answer) -> None:
        held = self._at_pool.pop(number, None)
        if held is not None:
            answer.note("timed out", held.delivery.message, f"limit {limit:g} s")
            self._bury(held, TimeLimitExceeded(limit), answer, timed_out=True)

    def _cancelled(self, numbers: Sequence[int], started: Sequence[int], answer: _Answer) -> None:
        begun = set(started)
        for number in numbers:
            held = self._at_pool.pop(number, None)
            if held is None:
                continue
            if number in begun or held.revoked:
                self._end_cancelled(held, answer)
            else:
                answer.settle(held.delivery.token, REQUEUE)

    def _end_cancelled(self, held: _Held, answer: _Answer) -> None:
        """Give a cancelled task back, its attempt uncounted, if it may be repeated at all."""
        if held.revoked:
            error = TaskRevokedError("terminated")
            self._bury(held, error, answer, state=states.REVOKED)
        elif held.options is not None and crash_policy.repeatable(held.options):
            answer.settle(held.delivery.token, REQUEUE)
        else:
            why = "cancelled at the end of the worker's grace period (worker_grace_period)"
            self._bury(held, WorkerLostError(why), answer)

    def _bury(
        self,
        held: _Held,
        error: BaseException,
        answer: _Answer,
        disposition: DeadLetter | None = None,
        *,
        timed_out: bool = False,
        state: str = states.FAILURE,
    ) -> None:
        number = held.number = held.number or next(self._numbers)
        self._graves[number] = held
        answer.effects.append(Bury(number, held.delivery, error, timed_out, disposition, state))


def _at_start(job: Job) -> UniqueKey | None:
    return key_of(job.message, AT_START)


def _is_early(held: _Held) -> bool:
    options = held.options
    return options is not None and not (options.acks_late or options.retry_on_worker_lost)


_WORD: Final = {states.REVOKED: "revoked", states.FAILURE: "refused"}
_REVOKED: Final = Drop(states.REVOKED, TaskRevokedError("revoked"))


def _settlement(token: Token, report: Report) -> Settlement:
    return Settlement(
        token,
        report.disposition,
        report.results,
        report.publish,
        report.opens,
        report.parts,
        report.closes,
        report.grows,
    )


def _refuse(garbage: Undecodable, answer: _Answer) -> None:
    answer.effects.append(Note("undecodable", "?", str(garbage.token.tag), garbage.reason))
    answer.settle(garbage.token, DeadLetter(garbage.kind, garbage.reason))
