"""WorkerCore: events and the time in, effects out.

Every delivery that comes in is answered by exactly one settlement, or belongs to another worker
because the lease was lost. The core does nothing itself and knows no clock: `now` is wall time
(aware UTC), `tick` is monotonic seconds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ..messaging.delivery import Delivery, Orphan, Token, Undecodable
from ..messaging.message import TaskMessage
from ..tasks.builtin_names import JOIN_CHORD
from ..tasks.options import CLUSTER, TaskOptions
from .admission import Ask, Lines, ask_of
from .answer import Answer
from .capacity import SHORT, RunTimes, prefetch
from .effects import Admit, Effect, Kill, Release, Settle, Start
from .endings import REVOKED, Endings
from .hands import Hands, Held, InHand
from .intake import Drop, FindTask, JoinChord, NotYet, Run, decide
from .job import Began, Cancelled, Job, Lost, PoolEvent, Report, Reported, Resized, TimedOut
from .limits import Bucket, rate, time_limits
from .queue_slots import Claim, claims
from .relay import is_in_chain, takes_part
from .revocation import Revoked
from .settlement import REQUEUE, Park, Relay, Settlement
from .stamps import Stamps, as_values, meant_by
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
    #: How long those beyond them may be expected to wait there, in seconds, if that allows more.
    ahead_seconds: float = 0.0
    #: How many links of a chain may follow one another where the first one runs; see `relay`.
    relays: int = 0


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
        self._hands = Hands()
        self._endings = Endings(self._hands, policy.max_crashes)
        self._buckets: dict[str, Bucket | None] = {}
        #: Whether rate limits are others than those that tasks declare.
        self._limits_changed = False
        self._times = RunTimes()
        self._asking: list[tuple[Held, Ask, float | None]] = []
        self._slots_of: dict[int, Sequence[tuple[str, str]]] = {}
        self._lines = Lines()

    # -- what the shell asks

    @property
    def held(self) -> int:
        """How many deliveries are in this worker's hands."""
        return len(self._hands)

    @property
    def load(self) -> int:
        """How many slots what is in hand would fill."""
        return len(self._hands)

    @property
    def running(self) -> int:
        """How many jobs are at the pool."""
        return len(self._hands.at_pool)

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand."""
        return self.held == 0

    @property
    def is_brief(self) -> bool:
        """Whether something runs, and all of it is expected to be over in a moment."""
        running = self._hands.running_tasks()
        return bool(running) and all((self._times.of(task) or 1.0) <= SHORT for task in running)

    def jobs(self) -> Sequence[tuple[int, Delivery]]:
        """Return the jobs at the pool by number."""
        return self._hands.jobs()

    def delivery(self, number: int) -> Delivery | None:
        """Return the delivery of a job at the pool, or of one being buried."""
        held = self._hands.find(number)
        return held.delivery if held else None

    def claimed_at(self, number: int) -> float | None:
        """Return when such a delivery was claimed, in monotonic seconds, if that is known."""
        held = self._hands.find(number)
        return held.since if held else None

    def waiting(self) -> Sequence[Delivery]:
        """Return what is claimed and has not been handed over."""
        return [held.delivery for held in self._hands.not_begun()]

    def hands(self) -> list[InHand]:
        """Return all that is in hand."""
        return self._hands.shown()

    def room(self, pool_room: int) -> int:
        """Return how many deliveries to claim, given how many jobs the pool could take now."""
        if self.stopping:
            return 0
        policy = self.policy
        allowed = prefetch(self.slots, policy.prefetch_multiplier, disabled=policy.disable_prefetch)
        free = allowed - self.load
        if policy.prefetch_multiplier == 1 or policy.disable_prefetch:
            return max(0, free)
        # Short tasks are claimed by the time they take rather than by their number.
        return max(0, free, pool_room - len(self._hands.waiting))

    def claims(self, queues: Sequence[str], pool_room: int) -> list[Claim]:
        """Return what to claim out of these queues now, in order."""
        room, slots = self.room(pool_room), self.policy.queue_slots
        begin = max(0, self._most() - len(self._hands.at_pool) - len(self._hands.waiting))
        if not slots:
            return [Claim(queues, room, begin)] if room > 0 and queues else []
        return claims(queues, slots, self._hands.of_queues(), room, begin)

    def next_tick(self) -> float | None:
        """Return when `tick` has something to do, in monotonic seconds."""
        return self._hands.limited[0][0] if self._hands.limited else None

    # -- events

    def on_deliveries(
        self, batch: Iterable[Delivery | Undecodable], now: datetime, tick: float
    ) -> list[Effect]:
        """Take claimed messages in."""
        answer = Answer(now)
        for item in batch:
            if isinstance(item, Undecodable):
                answer.refuse(item)
            elif self.stopping:
                answer.settle(item.token, REQUEUE)
            else:
                self._take_in(item, tick, answer)
        return answer.all()

    def on_orphans(self, orphans: Iterable[Orphan], now: datetime) -> list[Effect]:
        """Judge what was adopted from workers that died."""
        answer = Answer(now)
        for orphan in orphans:
            found = orphan.delivery
            if isinstance(found, Undecodable):
                answer.refuse(found)
            elif found.message.task == JOIN_CHORD:
                self._endings.join(found, answer)
            else:
                held = Held(found, self._find(found.message.task))
                self._endings.judge(held, orphan.started, f"its worker {orphan.owner} died", answer)
        return answer.all()

    def on_seized(self, batch: Iterable[Delivery | Undecodable], now: datetime) -> list[Effect]:
        """Drop what was taken out of its queue because it is revoked, as if claimed in its turn."""
        answer = Answer(now)
        for item in batch:
            if isinstance(item, Undecodable):
                answer.refuse(item)
            elif item.message.task == JOIN_CHORD:
                self._endings.join(item, answer)
            else:
                self._endings.drop(item, REVOKED, answer)
        return answer.all()

    def on_pool(self, event: PoolEvent, now: datetime) -> list[Effect]:
        """Take in what the pool says."""
        answer = Answer(now)
        match event:
            case Reported(reports):
                return self.on_reports(reports)
            case Lost(started, unstarted, cause):
                self._endings.lost(started, cause, answer, begun=True)
                self._endings.lost(unstarted, cause, answer, begun=False)
            case TimedOut(number, limit, unstarted):
                self._endings.timed_out(number, limit, answer)
                self._endings.lost(unstarted, "", answer, begun=False)
            case Cancelled(numbers, started):
                self._endings.cancelled(numbers, started, answer)
            case Resized(slots):
                self.slots = slots
            case Began(numbers, pid):
                for number in numbers:
                    if held := self._hands.at_pool.get(number):
                        held.began, held.pid = now, pid
        return answer.all()

    def on_relays(self, reports: Iterable[Report]) -> list[Delivery]:
        """Take in hand the links that have begun where others ended; to be told before their ends.

        Those of jobs no longer ours belong to whoever has these.
        """
        links: list[Delivery] = []
        for report in reports:
            held = self._hands.at_pool.get(report.number)
            if report.relay is not None and held is not None:
                begun = held.delivery
                link = Delivery(report.relay, begun.token, begun.queue, started=True)
                self._hands.relay(held, Held(link, self._find(report.relay.task)))
                links.append(link)
        return links

    def on_reports(self, reports: Iterable[Report]) -> list[Effect]:
        """Settle what has come to its end. Reports of jobs no longer ours are dropped."""
        settlements: list[Settlement] = []
        free: list[UniqueKey] = []
        stray: list[int] = []
        for report in reports:
            held = self._hands.at_pool.pop(report.number, None)
            if held is not None:
                self._times.learn(held.delivery.message.task, report.runtime)
            else:
                held = self._hands.graves.pop(report.number, None)
            if held is not None:
                message = held.delivery.message
                if UNIQUE in message.headers:
                    report, key = handed_on(message, report)
                    free += [key] if key else ()
                settlements.append(_settlement(held.delivery.token, report))
            elif report.relay is not None:
                stray.append(report.number + 1)
        effects: list[Effect] = [Settle(settlements)] if settlements else []
        if free:
            effects.append(Release(free))
        if stray:
            effects.append(Kill(stray))
        return effects

    def on_tick(self, tick: float) -> None:
        """Let go of rate-limited tasks whose time has come."""
        while self._hands.limited and self._hands.limited[0][0] <= tick:
            self._hands.waiting.append(self._hands.limited.popleft()[1])

    def start(self, pool_room: int) -> list[Effect]:
        """Hand over what fits: long or unknown jobs to free slots only, short ones in batches.

        Every job is marked: the mark tells a worker that adopts it whether it may be repeated,
        and whether its process died of it. What shares a limit with the cluster asks it first.
        """
        jobs: list[Job] = []
        asking = self._asking = []
        at_pool, waiting = self._hands.at_pool, self._hands.waiting
        while waiting:
            held = waiting[0]
            estimate = self._times.of(held.delivery.message.task)
            short = estimate is not None and estimate <= SHORT
            ahead = len(asking)
            begun = len(jobs) if short else len(at_pool)
            limit = pool_room if short else self._most(estimate)
            if begun + ahead >= limit:
                break
            waiting.popleft()
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
        answer, jobs = Answer(now), []
        for (held, ask, estimate), wait in zip(asked, answers, strict=True):
            if wait:
                seconds = self._lines.behind(ask, wait, estimate, tick)
                answer.settle(held.delivery.token, Park(now + timedelta(seconds=seconds)))
                continue
            jobs.append(self._job(held, estimate))
            if ask.slots:
                self._slots_of[held.number] = [(name, ask.holder) for name, _ in ask.slots]
        return [*self._starting(jobs), *answer.all()]

    def _most(self, estimate: float | None = None) -> int:
        """Return how many jobs may be at the pool of which nobody knows that they are short."""
        policy = self.policy
        ahead = max(policy.ahead, policy.ahead_seconds / estimate) if estimate else policy.ahead
        return self.slots + int(self.slots * ahead)

    def freed(self) -> list[tuple[str, str]]:
        """Return, once, the slots (name, holder) of jobs that are no longer in these hands."""
        if not self._slots_of:
            return []
        over = [
            number
            for number in self._slots_of
            if number not in self._hands.at_pool and number not in self._hands.graves
        ]
        return [slot for number in over for slot in self._slots_of.pop(number)]

    def _ask_of(self, held: Held) -> Ask | None:
        options = held.options
        if options is None:
            return None
        bucket = self._bucket(options) if options.rate_limit_scope == CLUSTER else None
        return ask_of(held.delivery, options, None if bucket is None else bucket.rate)

    def _starting(self, jobs: list[Job]) -> list[Effect]:
        if not jobs:
            return []
        begun = [self._hands.at_pool[job.number] for job in jobs]
        early = {held.delivery.token for held in begun if is_early(held)}
        mark = {held.number: held.delivery.token for held in begun if not held.delivery.started}
        start = Start(jobs, mark, early)
        keys = [key for job in jobs if UNIQUE in job.message.headers and (key := _at_start(job))]
        return [start, Release(keys)] if keys else [start]

    def unmarked(self, numbers: Iterable[int]) -> None:
        """Forget jobs whose mark was refused: they belong to somebody else by now."""
        for number in numbers:
            self._hands.at_pool.pop(number, None)

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
        answer = Answer(now)
        for held in self._hands.withdraw(is_meant):
            self._endings.drop(held.delivery, REVOKED, answer)
        if terminate:
            hit = [n for n, held in self._hands.at_pool.items() if is_meant(held.delivery.message)]
            for number in hit:
                self._hands.at_pool[number].revoked = True
            if hit:
                answer.effects.append(Kill(hit))
        return answer.all()

    def rate_limit(self, task: str, value: str | float | None) -> None:
        """Set the rate limit of a task from now on. Raises ValueError."""
        self._limit(task, value)
        self._limits_changed = True

    def stop(self) -> list[Effect]:
        """Stop taking in, and give back what has not been handed over."""
        self.stopping = True
        waiting = self._hands.give_up_waiting()
        settlements = [Settlement(held.delivery.token, REQUEUE) for held in waiting]
        return [Settle(settlements)] if settlements else []

    def end_grace(self) -> list[Effect]:
        """Cancel what still runs; it is given back when the pool answers."""
        for held in self._hands.at_pool.values():
            held.cancelled = True
        return [Kill(list(self._hands.at_pool))] if self._hands.at_pool else []

    def lease_lost(self) -> list[Effect]:
        """Forget everything: it belongs to whoever adopts it. What runs is ended in vain."""
        numbers = list(self._hands.at_pool)
        self._hands.clear()
        self._slots_of.clear()  # what runs goes on for a moment, and they run out
        return [Kill(numbers)] if numbers else []

    # -- intake

    def _take_in(self, delivery: Delivery, tick: float, answer: Answer) -> None:
        if self.revoked_stamps and meant_by(self.revoked_stamps)(delivery.message):
            self._endings.drop(delivery, REVOKED, answer)
            return
        match decide(delivery, self._find, self.revoked, answer.now, self.policy.max_crashes):
            case Run(options):
                self._admit(Held(delivery, options, tick), options, tick, answer)
            case NotYet(until):
                answer.settle(delivery.token, Park(until))
            case Drop() as drop:
                self._endings.drop(delivery, drop, answer)
            case JoinChord():
                self._endings.join(delivery, answer)

    def _admit(self, held: Held, options: TaskOptions, tick: float, answer: Answer) -> None:
        bucket = self._bucket(options) if options.rate_limit_scope != CLUSTER else None
        wait = bucket.take(tick) if bucket is not None else 0.0
        if bucket is None or not wait:
            self._hands.waiting.append(held)
        elif wait > HOLD_SECONDS or self._hands.limited:
            # The first in line is promised the next token; the others wait in the store.
            later = answer.now + timedelta(seconds=max(wait, HOLD_SECONDS / 2))
            answer.settle(held.delivery.token, Park(later))
        else:
            bucket.tokens -= 1.0
            self._hands.limited.append((tick + wait, held))

    def _bucket(self, options: TaskOptions) -> Bucket | None:
        if self.policy.disable_rate_limits:
            return None
        if options.name not in self._buckets:
            self._limit(options.name, options.rate_limit)
        return self._buckets[options.name]

    def _limit(self, task: str, value: str | float | None) -> None:
        per_second = rate(value)
        self._buckets[task] = None if per_second is None else Bucket(per_second)

    def _job(self, held: Held, estimate: float | None) -> Job:
        relays = self._relays(held, estimate)
        number = self._hands.submit(held, relays)
        message, policy = held.delivery.message, self.policy
        hard = soft = None
        if held.options is not None:
            hard, soft = time_limits(
                message, held.options, policy.time_limit, policy.soft_time_limit, self.time_limits
            )
        return Job(number, message, soft, hard, held.delivery.redelivered, estimate, relays)

    def _relays(self, held: Held, estimate: float | None) -> int:
        """Return how many links may follow a job where it runs; none while others wait for slots.

        Nor any that might be revoked, or be under a limit that was set while the worker runs.
        """
        policy, message = self.policy, held.delivery.message
        if not policy.relays or estimate is None or estimate > SHORT or not is_in_chain(message):
            return 0
        busy = self.stopping or self._hands.waiting or policy.queue_slots
        revoking = self.revoked or self.revoked_stamps
        limits = self._limits_changed or self.time_limits
        if busy or revoking or limits or policy.time_limit or policy.soft_time_limit:
            return 0
        if held.options is None or not takes_part(held.options) or UNIQUE in message.headers:
            return 0
        return policy.relays


def _at_start(job: Job) -> UniqueKey | None:
    return key_of(job.message, AT_START)


def is_early(held: Held) -> bool:
    """Tell whether a delivery is never repeated once it has begun."""
    options = held.options
    return options is not None and not (options.acks_late or options.retry_on_worker_lost)


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
        None if report.relay is None else Relay(report.relay, report.number + 1),
    )
