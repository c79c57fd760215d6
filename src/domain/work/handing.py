"""A worker core some of whose tasks receive their messages by themselves (`Task.Strategy`).

Deliveries of these pass the ordinary checks and are handed over then. They stay in hand, under
their tokens, until whoever has them says what becomes of them; meanwhile they fill no slot. What
receivers have run at the pool are calls: functions, each about some of these deliveries.

What must stay true: a delivery is marked as started before a call about it begins, and not before;
so the crash rule holds for it as for any other. What was given back is in no call that begins.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..messaging.delivery import Token
from ..messaging.message import TaskMessage
from ..tasks import states
from ..tasks.options import TaskOptions
from .answer import Answer
from .capacity import prefetch
from .core import WorkerCore, WorkerPolicy, is_early
from .effects import CallBegan, CallEnded, Effect, HandOver, Kill, Release, Settle, Start
from .hands import Held, InHand
from .intake import FindTask
from .job import Began, Cancelled, Job, Lost, PoolEvent, Report, TimedOut
from .queue_slots import Claim
from .settlement import REQUEUE, DeadLetter, Disposition, Settlement
from .uniqueness import AT_START, UniqueKey, key_of

#: A number of what was handed over, and what becomes of it.
Said = tuple[int, Disposition]


@dataclass(frozen=True, slots=True)
class _Call:
    job: Job
    about: tuple[int, ...]


class HandingCore(WorkerCore):
    """Decides what such a worker does."""

    def __init__(self, policy: WorkerPolicy, find: FindTask, receiving: Mapping[str, int]) -> None:
        """Start with empty hands.

        Args:
            policy: What the worker is told by its settings.
            find: Finds a task's options by its name.
            receiving: The tasks that receive by themselves, with how many deliveries each gathers
                before it acts: so many are claimed, even if fewer are to be prefetched.
        """
        super().__init__(policy, find)
        self.receiving = receiving
        self._gathered = sum(receiving.values())
        self._handed: dict[int, Held] = {}
        self._line: deque[_Call] = deque()
        self._begun: dict[int, _Call] = {}

    # -- what the shell asks

    @property
    def held(self) -> int:
        """How many deliveries are in this worker's hands, those handed over included."""
        return super().held + len(self._handed)

    @property
    def load(self) -> int:
        """How many slots what is in hand would fill; what is only gathered fills none."""
        return super().load + len(self._line) + len(self._begun)

    @property
    def running(self) -> int:
        """How many jobs and calls are at the pool."""
        return super().running + len(self._begun)

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand, and no call is under way."""
        return self.held == 0 and not self._line and not self._begun

    def hands(self) -> list[InHand]:
        """Return all that is in hand."""
        active = self._in_calls()
        handed = (
            InHand("active" if n in active else "reserved", h.delivery, h.options, h.began, h.pid)
            for n, h in self._handed.items()
        )
        return [*super().hands(), *handed]

    def room(self, pool_room: int) -> int:
        """Return how many to claim: none while as much is gathered as is wanted for one go."""
        policy = self.policy
        allowed = prefetch(self.slots, policy.prefetch_multiplier, disabled=policy.disable_prefetch)
        if len(self._handed) - len(self._in_calls()) >= max(allowed, self._gathered):
            return 0
        return super().room(pool_room)

    def claims(self, queues: Sequence[str], pool_room: int) -> list[Claim]:
        """Return what to claim. Nothing is to be marked with it: it may be for a receiver."""
        return [replace(claim, begin=0) for claim in super().claims(queues, pool_room)]

    # -- what receivers ask

    def call(
        self,
        message: TaskMessage,
        task: str,
        about: Iterable[int] | None = None,
        *,
        soft_limit: float | None = None,
        hard_limit: float | None = None,
    ) -> int | None:
        """Have a function run at the pool; return the number under which its end is told.

        Args:
            message: What the runner knows how to call.
            task: The task on whose behalf it is run.
            about: Numbers of the deliveries it deals with; None: all of this task's that are in no
                other call.
            soft_limit: Of the call, in seconds.
            hard_limit: As well.

        Returns:
            None if it is not to be run: all it is about is in these hands no more.
        """
        asked = list(self.loose(task) if about is None else about)
        if self.stopping or (asked and not any(number in self._handed for number in asked)):
            return None
        taken = self._taken()  # a delivery's end is that of the first call about it
        mine = tuple(number for number in asked if number in self._handed and number not in taken)
        number = self._hands.new_number()
        self._line.append(_Call(Job(number, message, soft_limit, hard_limit), mine))
        return number

    def loose(self, task: str) -> list[int]:
        """Return the numbers of what was handed over of a task, and is in no call."""
        taken = self._taken()
        return [
            number
            for number, held in self._handed.items()
            if held.delivery.message.task == task and number not in taken
        ]

    def on_said(self, said: Iterable[Said]) -> list[Effect]:
        """Settle what receivers are done with. What is no more in these hands is passed over."""
        reports: list[Report] = []
        keys: list[UniqueKey] = []
        for number, disposition in said:
            held = self._handed.pop(number, None)
            if held is not None:
                self._hands.graves[number] = held  # from where reports take what no pool had
                reports.append(Report(number, states.IGNORED, disposition))
                if disposition != REQUEUE:
                    keys += _freed_at_start(held)
        effects = super().on_reports(reports)
        return [*effects, Release(keys)] if keys else effects

    def on_failed(
        self,
        numbers: Iterable[int],
        error: BaseException,
        now: datetime,
        away: DeadLetter | None = None,
    ) -> list[Effect]:
        """Record that what was handed over came to an error, as a task that raised it would."""
        answer = Answer(now)
        for number in numbers:
            held = self._handed.pop(number, None)
            if held is not None:
                self._endings.fail(held, error, answer, away)
        return answer.all()

    # -- events

    def on_pool(self, event: PoolEvent, now: datetime) -> list[Effect]:
        """Take in what the pool says; about calls first."""
        answer = Answer(now)
        match event:
            case Began(numbers, pid):
                self._calls_began(numbers, pid, answer)
            case Lost(started, unstarted, cause):
                self._calls_over(started, cause, answer, begun=True)
                self._calls_over(unstarted, cause, answer, begun=False)
            case TimedOut(number, limit, unstarted):
                cause = f"the call was ended after {limit:g} s, its time limit"
                self._calls_over([number], cause, answer, begun=True)
                self._calls_over(unstarted, "", answer, begun=False)
            case Cancelled(numbers, started):
                begun = set(started)
                for number in numbers:
                    self._calls_over([number], "cancelled", answer, begun=number in begun)
        return [*answer.all(), *super().on_pool(event, now)]

    def on_reports(self, reports: Iterable[Report]) -> list[Effect]:
        """Settle what has come to its end, and tell of the calls that have."""
        reports = list(reports)
        calls = [(report, self._begun.pop(report.number, None)) for report in reports]
        effects = super().on_reports([report for report, call in calls if call is None])
        told = (CallEnded(r.number, call.about, r) for r, call in calls if call is not None)
        return [*effects, *told]

    def start(self, pool_room: int) -> list[Effect]:
        """Hand over what fits: first calls, each of which needs a slot, then jobs."""
        effects: list[Effect] = []
        jobs: list[Job] = []
        mark: dict[int, Token] = {}
        early: set[Token] = set()
        keys: list[UniqueKey] = []
        while self._line and self._most() > len(self._hands.at_pool):
            call = self._line.popleft()
            mine = [self._handed[number] for number in call.about if number in self._handed]
            if call.about and not mine:
                effects.append(CallEnded(call.job.number, call.about, cause="settled meanwhile"))
                continue
            self._begun[call.job.number] = call
            jobs.append(call.job)
            for held in mine:
                token = held.delivery.token
                if is_early(held):
                    early.add(token)
                keys += _freed_at_start(held)
                if not held.delivery.started:
                    mark[held.number] = token
                    held.delivery = replace(held.delivery, started=True)
        if jobs:
            effects.append(Start(jobs, mark, early))
        if keys:
            effects.append(Release(keys))
        return [*effects, *super().start(max(0, pool_room - len(jobs)))]

    def unmarked(self, numbers: Iterable[int]) -> None:
        """Forget those whose mark was refused: they belong to somebody else by now."""
        numbers = list(numbers)
        for number in numbers:
            self._handed.pop(number, None)
        super().unmarked(numbers)

    def stop(self) -> list[Effect]:
        """Stop taking in, and give back what no call that has begun is about."""
        effects = super().stop()
        for call in self._line:
            effects.append(CallEnded(call.job.number, call.about, cause="the worker stops"))
        self._line.clear()
        active = self._in_calls()
        loose = [number for number in self._handed if number not in active]
        back = [Settlement(self._handed.pop(n).delivery.token, REQUEUE) for n in loose]
        return [*effects, Settle(back)] if back else effects

    def end_grace(self) -> list[Effect]:
        """Cancel what still runs."""
        for number in self._in_calls():
            self._handed[number].cancelled = True
        effects = super().end_grace()
        return [*effects, Kill(list(self._begun))] if self._begun else effects

    def lease_lost(self) -> list[Effect]:
        """Forget everything: it belongs to whoever adopts it."""
        effects: list[Effect] = [
            CallEnded(call.job.number, call.about, cause="the lease was lost")
            for call in (*self._line, *self._begun.values())
        ]
        if self._begun:
            effects.append(Kill(list(self._begun)))
        for place in (self._line, self._begun, self._handed):
            place.clear()
        return [*super().lease_lost(), *effects]

    # -- pieces

    def _admit(self, held: Held, options: TaskOptions, tick: float, answer: Answer) -> None:
        if options.name not in self.receiving:
            super()._admit(held, options, tick, answer)
            return
        number = held.number = self._hands.new_number()
        self._handed[number] = held
        answer.effects.append(HandOver(number, held.delivery))

    def _most(self, estimate: float | None = None) -> int:
        return super()._most(estimate) - len(self._begun)

    def _in_calls(self) -> set[int]:
        """Return what is in hand that a call at the pool is about."""
        numbers = {number for call in self._begun.values() for number in call.about}
        return numbers & self._handed.keys()

    def _taken(self) -> set[int]:
        return {n for call in (*self._line, *self._begun.values()) for n in call.about}

    def _calls_began(self, numbers: Iterable[int], pid: int, answer: Answer) -> None:
        for number in numbers:
            call = self._begun.get(number)
            if call is None:
                continue
            for one in call.about:
                if held := self._handed.get(one):
                    held.began, held.pid = answer.now, pid
            answer.effects.append(CallBegan(number, pid))

    def _calls_over(
        self, numbers: Iterable[int], cause: str, answer: Answer, *, begun: bool
    ) -> None:
        """Judge what calls were about of which no report will come."""
        for number in numbers:
            call = self._begun.pop(number, None)
            if call is None:
                continue
            for one in call.about:
                held = self._handed.pop(one, None)
                if held is not None:
                    self._endings.judge(held, begun, cause, answer)
            answer.effects.append(CallEnded(number, call.about, cause=cause))


def _freed_at_start(held: Held) -> list[UniqueKey]:
    """Return the key that nobody needs to hold once this delivery's work has begun, if any."""
    key = None if held.delivery.started else key_of(held.delivery.message, AT_START)
    return [key] if key else []
