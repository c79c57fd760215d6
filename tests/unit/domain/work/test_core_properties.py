"""WorkerCore under any sequence of events: every delivery is answered once, by somebody."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from celeriac.domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.capacity import SHORT
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Bury, Effect, Kill, Note, Settle, Start
from celeriac.domain.work.job import Cancelled, Lost, Report, Reported, Resized, TimedOut
from celeriac.domain.work.settlement import REQUEUE, DeadLetter, Park, Requeue
from tests.unit.domain.samples import NOON, delivered, message

TASKS = {
    options.name: options
    for options in (
        TaskOptions("early"),
        TaskOptions("late", acks_late=True),
        TaskOptions("quick"),
        TaskOptions("limited", rate_limit="3/s"),
        TaskOptions("rare", rate_limit="1/m"),
    )
}
MAX_CRASHES = 3

kinds = st.sampled_from([*TASKS, "unknown", "garbage"])
whims = st.randoms(use_true_random=False)


class AnyWorker(RuleBasedStateMachine):
    """A store that remembers which deliveries are still to be answered, and a pool that may lie."""

    @initialize(slots=st.integers(1, 4), multiplier=st.integers(0, 4))
    def begin(self, slots: int, multiplier: int) -> None:
        policy = WorkerPolicy(slots, prefetch_multiplier=multiplier, max_crashes=MAX_CRASHES)
        self.core = WorkerCore(policy, TASKS.get)
        self.now, self.tick = NOON, 0.0
        self.made = 0
        self.open: dict[Token, Delivery | Undecodable] = {}
        self.pool: dict[int, Token] = {}
        self.graves: dict[int, Token] = {}
        self.told_to_kill: set[int] = set()
        self.estimates: dict[str, float] = {}

    # -- the store

    def make(self, kind: str, whim: Any) -> Delivery | Undecodable:
        self.made += 1
        if kind == "garbage":
            made: Any = Undecodable(b"\xff", Token(self.made, 1), "celery", "no JSON")
        else:
            times: dict[str, Any] = {}
            if whim.random() < 0.1:
                times["expires"] = self.now + timedelta(seconds=whim.choice([-1, 0, 60]))
            if whim.random() < 0.1:
                times["eta"] = self.now + timedelta(seconds=whim.choice([-1, 0, 60]))
            # Ids repeat: a message may be published twice.
            id_ = f"id-{self.made // 2}"
            made = delivered(
                message(id_, kind, **times), self.made, crashes=whim.choice([0, 0, 0, 2, 3])
            )
        self.open[made.token] = made
        return made

    @rule(batch=st.lists(kinds, min_size=1, max_size=8), whim=whims)
    def deliver(self, batch: list[str], whim: Any) -> None:
        arrived = [self.make(kind, whim) for kind in batch]
        self.carry_out(self.core.on_deliveries(arrived, self.now, self.tick))
        if self.core.stopping:
            assert not any(item.token in self.open for item in arrived)

    @rule(batch=st.lists(kinds, min_size=1, max_size=4), whim=whims)
    def adopt(self, batch: list[str], whim: Any) -> None:
        orphans = [Orphan(self.make(kind, whim), whim.random() < 0.5, "w9") for kind in batch]
        self.carry_out(self.core.on_orphans(orphans, self.now))

    # -- time

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 1.0, 61.0]), jump=st.integers(-100, 100))
    def let_time_pass(self, seconds: float, jump: int) -> None:
        self.tick += seconds
        self.now += timedelta(seconds=seconds + jump)
        due = self.core.next_tick()
        self.core.on_tick(self.tick)
        following = self.core.next_tick()
        assert following is None or following > self.tick
        assert due is None or due > self.tick or following != due

    # -- the pool

    @rule(room=st.integers(0, 12), refused=st.integers(0, 20))
    def hand_over(self, room: int, refused: int) -> None:
        effects = self.core.start(room)
        for start in effects:
            assert isinstance(start, Start)
            assert [job.number for job in start.jobs] == sorted({job.number for job in start.jobs})
            busy = len(self.pool)
            for position, (job, token) in enumerate(
                zip(start.jobs, start.mark.values(), strict=True)
            ):
                assert job.number not in self.pool
                assert self.open[token].message is job.message  # type: ignore[union-attr]
                if job.estimate is None or job.estimate > SHORT:
                    assert busy < self.core.slots
                else:
                    assert position < room
                busy += 1
                self.pool[job.number] = token
        if refused == 0 and self.pool:
            # The mark of one is refused: it belongs to somebody else by now.
            number = next(iter(self.pool))
            self.core.unmarked([number])
            del self.open[self.pool.pop(number)]

    @precondition(lambda self: self.pool)
    @rule(whim=whims, runtime=st.sampled_from([0.0001, 0.004, 2.0]))
    def report(self, whim: Any, runtime: float) -> None:
        numbers = self.some_of(self.pool, whim)
        reports = [
            Report(
                number, "SUCCESS", whim.choice([REQUEUE, DeadLetter("rejected")]), (), (), runtime
            )
            for number in numbers
        ]
        stale = Report(10_000 + self.made, "SUCCESS")
        self.take_from_pool(numbers)
        self.carry_out(self.core.on_pool(Reported([*reports, stale]), self.now))

    @precondition(lambda self: self.pool)
    @rule(whim=whims)
    def lose(self, whim: Any) -> None:
        numbers = self.some_of(self.pool, whim)
        half = whim.randint(0, len(numbers))
        self.take_from_pool(numbers)
        self.carry_out(self.core.on_pool(Lost(numbers[:half], numbers[half:], "gone"), self.now))

    @precondition(lambda self: self.pool)
    @rule(whim=whims)
    def time_out(self, whim: Any) -> None:
        first, *behind = self.some_of(self.pool, whim)
        self.take_from_pool([first, *behind])
        self.carry_out(self.core.on_pool(TimedOut(first, 9.0, behind), self.now))

    @precondition(lambda self: self.told_to_kill & self.pool.keys())
    @rule(whim=whims)
    def kill(self, whim: Any) -> None:
        numbers = sorted(self.told_to_kill & self.pool.keys())
        begun = [number for number in numbers if whim.random() < 0.5]
        self.take_from_pool(numbers)
        self.carry_out(self.core.on_pool(Cancelled(numbers, begun), self.now))

    @rule(slots=st.integers(1, 4))
    def resize(self, slots: int) -> None:
        self.carry_out(self.core.on_pool(Resized(slots), self.now))
        assert self.core.slots == slots

    @precondition(lambda self: self.graves)
    @rule(whim=whims)
    def bury(self, whim: Any) -> None:
        numbers = self.some_of(self.graves, whim)
        for number in numbers:
            del self.graves[number]
        self.carry_out(self.core.on_reports([Report(number, "FAILURE") for number in numbers]))

    # -- people

    @rule(whim=whims, terminate=st.booleans())
    def revoke(self, whim: Any, terminate: bool) -> None:
        ids = {f"id-{whim.randint(0, self.made // 2 + 1)}" for _ in range(3)}
        self.carry_out(self.core.revoke(ids, self.now, self.tick, terminate=terminate))
        assert not any(delivery.message.id in ids for delivery in self.core.waiting())
        if terminate:
            hit = {number for number, held in self.core.jobs() if held.message.id in ids}
            assert hit <= self.told_to_kill

    @precondition(lambda self: self.made > 10)
    @rule(grace_over=st.booleans())
    def stop(self, grace_over: bool) -> None:
        self.carry_out(self.core.stop())
        assert self.core.waiting() == []
        assert self.core.room(50) == 0
        assert self.core.next_tick() is None
        if grace_over:
            self.carry_out(self.core.end_grace())
            assert self.pool.keys() <= self.told_to_kill

    @precondition(lambda self: self.made > 5)
    @rule(unlikely=st.integers(0, 3))
    def lose_the_lease(self, unlikely: int) -> None:
        if unlikely:
            return
        effects = self.core.lease_lost()
        assert effects == ([Kill(list(self.pool))] if self.pool else [])
        numbers = [*self.pool, *self.graves]
        self.open.clear()
        self.pool.clear()
        self.graves.clear()
        assert self.core.on_reports([Report(number, "SUCCESS") for number in numbers]) == []

    # -- what must stay true

    @invariant()
    def everything_unanswered_is_in_hand(self) -> None:
        waiting = [delivery.token for delivery in self.core.waiting()]
        in_hand = [*waiting, *self.pool.values(), *self.graves.values()]
        assert sorted(in_hand) == sorted(self.open)
        assert self.core.held == len(self.open)
        assert self.core.idle == (not self.open)
        assert dict(self.core.jobs()).keys() == self.pool.keys()

    @invariant()
    def room_is_never_negative_and_none_when_stopping(self) -> None:
        assert self.core.room(0) >= 0
        assert not (self.core.stopping and self.core.room(9))

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.carry_out(self.core.stop())
        numbers = [*self.pool]
        self.take_from_pool(numbers)
        self.carry_out(self.core.on_pool(Lost(numbers, [], "gone"), self.now))
        buried, self.graves = [*self.graves], {}
        self.carry_out(self.core.on_reports([Report(number, "FAILURE") for number in buried]))
        assert not self.open
        assert self.core.idle

    # -- steps

    def carry_out(self, effects: Iterable[Effect]) -> None:
        effects = list(effects)
        assert not any(isinstance(effect, Settle) for effect in effects[:-1])
        for effect in effects:
            match effect:
                case Settle(settlements):
                    assert settlements
                    for settlement in settlements:
                        # A second answer to the same delivery would fail here.
                        self.judge(self.open.pop(settlement.token), settlement.disposition)
                case Bury(number, delivery):
                    assert self.open[delivery.token] is delivery
                    assert number not in self.graves
                    self.graves[number] = delivery.token
                case Kill(numbers):
                    assert set(numbers) <= self.pool.keys()
                    self.told_to_kill |= set(numbers)
                case Note(what, _, id_, detail):
                    assert what
                    assert id_
                    assert isinstance(detail, str)
                case Start():
                    raise AssertionError("only `start` starts")

    def judge(self, delivery: Delivery | Undecodable, disposition: Any) -> None:
        if isinstance(delivery, Undecodable):
            assert disposition == DeadLetter("undecodable", "no JSON")
            return
        if disposition == Requeue(crashed=True):
            assert delivery.message.task == "late"
            assert delivery.crashes + 1 < MAX_CRASHES
        if isinstance(disposition, Park):
            assert disposition.until > self.now

    def some_of(self, numbers: Iterable[int], whim: Any) -> list[int]:
        known = sorted(numbers)
        return whim.sample(known, whim.randint(1, len(known)))  # type: ignore[no-any-return]

    def take_from_pool(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            del self.pool[number]
            self.told_to_kill.discard(number)


TestAnyWorker = AnyWorker.TestCase
TestAnyWorker.settings = settings(deadline=None, max_examples=150, stateful_step_count=40)


@given(
    arrivals=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.34, 1.0, 3.0]), st.integers(0, 4)),
        max_size=25,
    )
)
@settings(deadline=None)
def test_no_window_sees_more_of_a_task_than_its_rate_allows(arrivals: list[tuple[float, int]]):
    core = WorkerCore(WorkerPolicy(slots=10_000), TASKS.get)
    tick, made, let_go = 0.0, 0, list[float]()
    for pause, number in arrivals:
        # The shell wakes when the core asked it to, then when messages arrive.
        arrival = tick + pause
        if (due := core.next_tick()) is not None and due <= arrival:
            core.on_tick(due)
            let_go += [due] * len(starts(core))
        tick = arrival
        batch = [delivered(message(f"id-{made + n}", "limited"), made + n) for n in range(number)]
        made += number
        core.on_deliveries(batch, NOON, tick)
        let_go += [tick] * len(starts(core))

    for first in range(len(let_go)):
        for last in range(first, len(let_go)):
            assert last - first + 1 <= 1 + 3 * (let_go[last] - let_go[first]) + 1e-6


def starts(core: WorkerCore) -> list[int]:
    return [job.number for start in core.start(10_000) for job in start.jobs]  # type: ignore[union-attr]
