"""Beat as a whole, in virtual time: who leads, what is sent when, and what no crash may cost."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from celeriac.adapters.memory import (
    MemoryCoordinator,
    MemoryScheduleStore,
    MemoryStore,
    VirtualClock,
)
from celeriac.application.beat import Beat
from celeriac.application.keep_beat import BeatSettings
from celeriac.domain.errors import BrokerUnavailable, QueueNotFound
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.schedules import All, Crontab, Entry, Interval, Skip
from celeriac.ports.schedule_store import LastRun
from tests.unit.domain.samples import NOON

LEASE = 16.0


class Killed(BaseException):
    """The process dies here."""


@dataclass(frozen=True)
class Sent:
    """A message as it arrived."""

    id: str
    entry: str
    due: datetime
    at: datetime


@dataclass
class Cluster:
    """Beats over one store in virtual time, and what they have sent."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    sent: list[Sent] = field(default_factory=list)
    away: bool = False
    refused: set[str] = field(default_factory=set)
    dies: str = ""

    def __post_init__(self) -> None:
        self.memory = MemoryStore(self.clock)
        self.schedule: list[Entry] = []

    def beat(self, *schedule: Entry, holder: str = "one", **options: Any) -> Beat:
        if schedule:
            self.schedule = list(schedule)
        store = options.pop("store", None) or MemoryScheduleStore(self.memory)
        coordinator = options.pop("coordinator", None) or MemoryCoordinator(self.memory)
        settings = replace(BeatSettings(holder, lease=LEASE), **options)
        return Beat(
            settings,
            lambda: self.schedule,
            self.make,
            self.publish,
            store,
            coordinator,
            self.clock,
        )

    def make(self, entry: Entry, extra: Any) -> TaskMessage:
        if entry.task == "unmakable":
            raise TypeError("cannot be encoded")
        return TaskMessage(extra["task_id"], entry.task, b"", headers=extra["headers"])

    def publish(self, messages: Any) -> None:
        if self.away:
            raise BrokerUnavailable("cut off")
        if self.dies == "before publishing":
            raise Killed
        if self.refused & {message.task for message in messages}:
            raise QueueNotFound("there is no such queue")
        for message in messages:
            due = datetime.fromisoformat(message.headers["celeriac_beat_due"])
            entry = message.headers["celeriac_beat_entry"]
            self.sent.append(Sent(message.id, entry, due, self.clock.now()))
        if self.dies == "after publishing":
            raise Killed

    def run(self, seconds: float, *beats: Beat) -> None:
        """Let time pass, each beat being stepped when it asked to be."""
        end = self.clock.monotonic() + seconds
        wakes = dict.fromkeys(beats, self.clock.monotonic())
        while wakes:
            beat = min(wakes, key=lambda each: wakes[each])
            if wakes[beat] > end:
                break
            self.clock.advance(max(wakes[beat] - self.clock.monotonic(), 0.0))
            wakes[beat] = self.clock.monotonic() + max(beat.step(), 0.001)
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))

    def die(self, when: str, beat: Beat, seconds: float) -> None:
        """Run a beat until it dies."""
        self.dies = when
        with pytest.raises(Killed):
            self.run(seconds, beat)
        self.dies = ""

    def times(self, entry: str = "report") -> list[float]:
        """Due times of what was sent, in seconds after noon."""
        return [after_noon(each.due) for each in self.sent if each.entry == entry]


@pytest.fixture
def cluster():
    return Cluster()


def after_noon(moment: datetime) -> float:
    return (moment - NOON).total_seconds()


def every(seconds: float, name: str = "report") -> Entry:
    return Entry(name, f"shop.{name}", Interval(seconds))


# -- what is sent when


def test_an_interval_fires_at_exact_times_counted_from_when_it_was_first_seen(cluster):
    beat = cluster.beat(every(30))

    cluster.run(95, beat)

    due = [NOON + timedelta(seconds=seconds) for seconds in (30, 60, 90)]
    assert [(each.due, each.at) for each in cluster.sent] == [(each, each) for each in due]


def test_a_crontab_fires_when_the_clock_shows_its_minutes(cluster):
    beat = cluster.beat(Entry("report", "shop.report", Crontab("*/15")))

    cluster.run(3600, beat)

    assert cluster.times() == [900, 1800, 2700, 3600]


def test_what_is_due_together_is_sent_together(cluster):
    publications = []
    publish = cluster.publish
    cluster.publish = lambda messages: (publications.append(len(messages)), publish(messages))
    beat = cluster.beat(every(30), every(30, "backup"), every(60, "bill"))

    cluster.run(60, beat)

    assert publications == [2, 3]


def test_each_message_says_that_beat_sent_it_and_for_which_tick(cluster):
    made = []
    make = cluster.make
    cluster.make = lambda entry, extra: made.append(extra) or make(entry, extra)
    beat = cluster.beat(every(30))

    cluster.run(60, beat)

    assert [extra["headers"] for extra in made] == [
        {"celery_beat_task": True, "celeriac_beat_entry": "report", "celeriac_beat_due": due}
        for due in ("2026-01-01T12:00:30+00:00", "2026-01-01T12:01:00+00:00")
    ]
    assert len({extra["task_id"] for extra in made}) == 2


def test_each_due_task_is_a_line_in_the_log(cluster, caplog):
    caplog.set_level("INFO", "celeriac.beat")

    cluster.run(30, cluster.beat(every(30)))

    assert "Scheduler: Sending due task report (shop.report)" in caplog.messages


def test_beat_knows_when_its_entries_ran_and_how_often(cluster):
    beat = cluster.beat(every(30))
    assert beat.entries == {}

    cluster.run(95, beat)

    last = NOON + timedelta(seconds=90)
    assert beat.entries == {"report": replace(every(30), last_run_at=last, total_run_count=3)}


def test_between_ticks_beat_sleeps(cluster):
    beat = cluster.beat(every(30))

    waits = [beat.step()]
    while len(waits) < 4:
        cluster.clock.advance(waits[-1])
        waits.append(beat.step())

    assert waits == [LEASE / 4] * 4


# -- who leads


def test_of_two_beats_one_sends_and_each_tick_is_sent_once(cluster):
    beats = [cluster.beat(every(5), holder=name) for name in ("one", "two")]

    cluster.run(100, *beats)

    assert cluster.times() == list(range(5, 101, 5))
    assert [beat.leads for beat in beats] == [True, False]


def test_a_silent_leader_is_followed_within_the_lease(cluster):
    first, second = (cluster.beat(every(1), holder=name) for name in ("one", "two"))
    cluster.run(20.5, first, second)

    cluster.run(20, second)

    sent = [after_noon(each.at) for each in cluster.sent]
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert second.leads
    assert max(Counter(cluster.times()).values()) == 1
    assert 1 < max(gaps) <= LEASE


def test_a_beat_that_resigns_is_followed_at_the_next_look(cluster):
    first, second = (cluster.beat(every(1), holder=name) for name in ("one", "two"))
    cluster.run(10.5, first, second)

    first.resign()
    cluster.run(LEASE / 4, second)

    assert second.leads
    assert max(Counter(cluster.times()).values()) == 1


def test_a_leader_that_was_paused_stands_by_when_it_comes_back(cluster):
    first, second = (cluster.beat(every(1), holder=name) for name in ("one", "two"))
    cluster.run(5, first)
    cluster.run(LEASE, second)

    cluster.run(5, first, second)

    assert (first.leads, second.leads) == (False, True)
    assert max(Counter(cluster.times()).values()) == 1


def test_a_leader_that_was_paused_finds_out_what_the_one_after_it_owed(cluster):
    first, second = (
        cluster.beat(every(3600), holder=name, catch_up=All()) for name in ("one", "two")
    )
    cluster.run(5, first)
    cluster.clock.advance(LEASE)
    cluster.die("before publishing", second, 3600)
    cluster.clock.advance(LEASE)

    cluster.run(5, first)

    assert cluster.times() == [3600]


def test_two_leaders_send_no_tick_twice(cluster):
    # Each has a coordinator of its own, so both believe to lead.
    beats = [
        cluster.beat(every(5), holder=name, coordinator=MemoryCoordinator(clock=cluster.clock))
        for name in ("one", "two")
    ]

    cluster.run(100, *beats)

    assert all(beat.leads for beat in beats)
    assert cluster.times() == list(range(5, 101, 5))


def test_apps_that_share_a_store_have_a_leader_each(cluster):
    beats = [cluster.beat(every(30), holder=name, scope=name) for name in ("shop", "bank")]

    cluster.run(30, *beats)

    assert cluster.times() == [30, 30]
    assert len({each.id for each in cluster.sent}) == 2


# -- restarts


def test_after_a_restart_missed_ticks_are_caught_up_once(cluster):
    cluster.run(30, cluster.beat(every(30)))
    cluster.clock.advance(100)

    cluster.run(30, cluster.beat(holder="two"))

    assert cluster.times() == [30, 120, 150]


def test_after_a_restart_ticks_that_are_too_late_are_left_out_if_so_wished(cluster):
    cluster.run(3600, cluster.beat(every(3600)))
    cluster.clock.advance(3600 + 300)

    cluster.run(3600, cluster.beat(holder="two", catch_up=Skip()))

    assert cluster.times() == [3600, 3 * 3600]


def test_after_a_restart_all_missed_ticks_fire_in_order_if_so_wished(cluster):
    cluster.run(30, cluster.beat(every(30)))
    cluster.clock.advance(100)

    cluster.run(30, cluster.beat(holder="two", catch_up=All()))

    assert cluster.times() == [30, 60, 90, 120, 150]


def test_a_long_interval_fires_however_often_beat_is_restarted(cluster):
    week = 7 * 86_400
    for day in range(8):
        beat = cluster.beat(every(week), holder=str(day))
        cluster.run(60, beat)
        beat.resign()
        cluster.clock.advance(86_400 - 60)

    assert cluster.times() == [week]


def test_a_schedule_changed_while_no_beat_ran_counts_from_now(cluster):
    cluster.run(30, cluster.beat(every(30)))
    cluster.clock.advance(100)

    cluster.run(50, cluster.beat(every(40), holder="two"))

    assert cluster.times() == [30, 130 + 40]


def test_a_schedule_that_was_changed_is_counted_on_after_another_restart(cluster):
    cluster.run(30, cluster.beat(every(30)))
    cluster.clock.advance(70)
    cluster.run(20, cluster.beat(every(40), holder="two"))

    cluster.run(30, cluster.beat(holder="three"))

    assert cluster.times() == [30, 140]


def test_an_interval_too_short_for_repr_is_still_another_schedule(cluster):
    cluster.run(1, cluster.beat(every(0.001)))
    seen = len(cluster.sent)
    cluster.clock.advance(100)

    cluster.run(0, cluster.beat(every(0.0011), holder="two"))

    assert len(cluster.sent) == seen


# -- trouble


def test_what_cannot_be_published_is_published_when_the_broker_is_back(cluster):
    beat = cluster.beat(every(30))
    cluster.away = True
    cluster.run(40, beat)
    assert cluster.sent == []

    cluster.away = False
    cluster.run(25, beat)

    assert cluster.times() == [30, 60]


def test_of_ticks_that_heap_up_in_an_outage_the_claimed_and_the_latest_are_sent(cluster):
    beat = cluster.beat(every(30))
    cluster.away = True
    cluster.run(1000, beat)

    cluster.away = False
    cluster.run(25, beat)

    assert cluster.times() == [30, 990, 1020]


def test_all_ticks_of_an_outage_are_sent_in_order_if_so_wished(cluster):
    beat = cluster.beat(every(30), catch_up=All())
    cluster.away = True
    cluster.run(200, beat)

    cluster.away = False
    cluster.run(10, beat)

    assert cluster.times() == [30, 60, 90, 120, 150, 180, 210]


@pytest.mark.parametrize("catch_up", [All(), Skip(timedelta(hours=1))])
def test_a_tick_claimed_by_a_beat_that_died_is_sent_by_the_next(cluster, catch_up):
    cluster.die("before publishing", cluster.beat(every(3600), catch_up=catch_up), 3600)
    assert cluster.sent == []

    cluster.run(LEASE, cluster.beat(holder="two", catch_up=catch_up))

    assert cluster.times() == [3600]
    (run,) = MemoryScheduleStore(cluster.memory).last_runs()
    assert (after_noon(run.due), run.total, run.published) == (3600, 1, True)


def test_a_tick_that_another_leader_claims_and_dies_with_is_sent(cluster):
    # Each has a coordinator of its own, so both believe to lead, and neither owes anything yet.
    first, second = (
        cluster.beat(every(3600), holder=name, coordinator=MemoryCoordinator(clock=cluster.clock))
        for name in ("one", "two")
    )
    cluster.run(3595, first, second)
    cluster.die("before publishing", first, 5)
    assert cluster.sent == []

    cluster.run(5, second)

    assert cluster.times() == [3600]


def test_a_tick_sent_again_after_a_crash_is_the_same_task(cluster):
    cluster.die("after publishing", cluster.beat(every(3600)), 3600)

    cluster.run(LEASE, cluster.beat(holder="two"))
    cluster.run(LEASE, cluster.beat(holder="three"))

    first, again = cluster.sent
    assert first.id == again.id
    assert first.due == again.due


def test_of_many_ticks_a_beat_dies_with_none_is_lost(cluster):
    cluster.run(30, cluster.beat(every(30), catch_up=All()))
    cluster.clock.advance(100)
    cluster.die("before publishing", cluster.beat(holder="two", catch_up=All()), 0)

    cluster.run(LEASE, cluster.beat(holder="three", catch_up=All()))

    assert cluster.times() == [30, 60, 90, 120]


def test_what_is_owed_stays_so_when_the_schedule_is_another_by_now(cluster):
    cluster.die("before publishing", cluster.beat(every(3600)), 3600)
    cluster.clock.advance(LEASE)
    cluster.die("before publishing", cluster.beat(every(1800), holder="two"), 0)

    cluster.run(LEASE, cluster.beat(holder="three"))

    assert cluster.times() == [3600]


def is_owed(cluster):
    (run,) = MemoryScheduleStore(cluster.memory).last_runs()
    return not run.published


def test_what_is_owed_and_too_late_is_left_out_for_good(cluster):
    cluster.die("before publishing", cluster.beat(every(3600)), 3600)
    assert is_owed(cluster)
    cluster.clock.advance(1000)

    cluster.run(5, cluster.beat(holder="two", catch_up=Skip()))

    assert cluster.sent == []
    assert not is_owed(cluster)


def test_what_is_owed_and_cannot_be_sent_any_more_is_left_out_for_good(cluster):
    cluster.die("before publishing", cluster.beat(every(3600)), 3600)
    cluster.clock.advance(LEASE)

    cluster.run(5, cluster.beat(Entry("report", "unmakable", Interval(3600)), holder="two"))

    assert cluster.sent == []
    assert not is_owed(cluster)


class LosesAnswers(MemoryScheduleStore):
    """Does what it is told, and cannot say so the first time."""

    lost = 0

    def claim_tick(self, *claim: Any) -> bool:
        claimed = super().claim_tick(*claim)
        if not self.lost:
            self.lost += 1
            raise BrokerUnavailable("the answer was lost")
        return claimed


def test_a_claim_whose_answer_was_lost_is_still_this_beats(cluster):
    beat = cluster.beat(every(30), store=LosesAnswers(cluster.memory))

    cluster.run(35, beat)

    assert cluster.times() == [30]


class Away(MemoryScheduleStore, MemoryCoordinator):
    """A store that can be cut off."""

    away = False

    def _check(self) -> None:
        if self.away:
            raise BrokerUnavailable("cut off")

    def last_runs(self) -> Any:
        self._check()
        return super().last_runs()

    def claim_tick(self, *claim: Any) -> bool:
        self._check()
        return super().claim_tick(*claim)

    def remember(self, runs: Any) -> None:
        self._check()
        super().remember(runs)

    def acquire(self, name: str, holder: str, ttl: float) -> Any:
        self._check()
        return super().acquire(name, holder, ttl)


def test_an_outage_of_everything_is_waited_for(cluster):
    store = Away(cluster.memory)
    beat = cluster.beat(every(30), store=store, coordinator=store)
    store.away = True
    cluster.run(40, beat)
    store.away = False
    cluster.run(80, beat)
    store.away = cluster.away = True
    cluster.run(100, beat)
    assert not beat.leads

    store.away = cluster.away = False
    cluster.run(5, beat)

    assert cluster.times() == [70, 100, 220]


def test_a_leader_that_cannot_prolong_its_lease_sends_until_the_lease_is_over(cluster):
    store = Away(cluster.memory)
    beat = cluster.beat(every(1), coordinator=store)
    cluster.run(0.5, beat)

    store.away = True
    cluster.run(30, beat)

    assert cluster.times() == list(range(1, int(LEASE * 3 / 4)))
    assert not beat.leads


def test_what_could_not_be_remembered_is_remembered_later_and_not_sent_again(cluster):
    store = Away(cluster.memory)
    publish = cluster.publish

    def publish_and_cut_off(messages: Any) -> None:
        publish(messages)
        store.away = True

    cluster.publish = publish_and_cut_off
    beat = cluster.beat(every(30), store=store)
    cluster.run(31, beat)
    (before,) = MemoryScheduleStore(cluster.memory).last_runs()

    store.away = False
    cluster.run(5, beat)

    (after,) = store.last_runs()
    assert (before.published, after.published) == (False, True)
    assert cluster.times() == [30]


def test_an_entry_that_cannot_be_sent_keeps_no_other_from_it(cluster, caplog):
    unmakable = Entry("broken", "unmakable", Interval(30))
    beat = cluster.beat(unmakable, every(30))

    cluster.run(60, beat)

    assert cluster.times() == [30, 60]
    assert caplog.text.count("cannot be encoded") >= 2


def test_an_entry_that_leads_nowhere_keeps_no_other_from_being_published(cluster, caplog):
    cluster.refused = {"shop.backup"}
    beat = cluster.beat(every(30, "backup"), every(30))

    cluster.run(60, beat)
    cluster.run(LEASE, cluster.beat(holder="two"))

    assert cluster.times() == [30, 60]
    assert cluster.times("backup") == []
    assert "there is no such queue" in caplog.text


# -- changes while beat runs


def test_an_entry_added_while_beat_runs_counts_from_then(cluster):
    beat = cluster.beat(every(30))
    cluster.run(40, beat)

    cluster.schedule = [every(30), every(20, "backup")]
    cluster.run(50, beat)

    assert cluster.times() == [30, 60, 90]
    assert cluster.times("backup") == [60, 80]


def test_an_entry_removed_while_beat_runs_is_forgotten(cluster):
    beat = cluster.beat(every(30), every(30, "backup"))
    cluster.run(40, beat)

    cluster.schedule = [every(30)]
    cluster.run(50, beat)

    assert cluster.times("backup") == [30]
    assert [run.entry for run in MemoryScheduleStore(cluster.memory).last_runs()] == ["report"]


def test_a_schedule_changed_while_beat_runs_counts_from_then(cluster):
    beat = cluster.beat(every(30))
    cluster.run(40, beat)

    cluster.schedule = [every(100)]
    cluster.run(100, beat)

    assert cluster.times() == [30, 140]


# -- clocks


def test_a_clock_set_forward_is_noticed_soon_and_caught_up_once(cluster):
    beat = cluster.beat(every(30))
    cluster.run(40, beat)

    cluster.clock.jump_wall(3600)
    cluster.run(LEASE / 4, beat)

    assert cluster.times() == [30, 3630]


def test_a_clock_set_back_sends_nothing_twice(cluster):
    beat = cluster.beat(every(30))
    cluster.run(70, beat)

    cluster.clock.jump_wall(-40)
    cluster.run(40 + 30, beat)

    assert cluster.times() == [30, 60, 90]


def test_an_entry_that_is_met_before_its_last_run_waits_until_the_clock_is_there_again(cluster):
    cluster.run(60, cluster.beat(every(30)))
    cluster.clock.jump_wall(-40)

    cluster.run(80, cluster.beat(every(31), holder="two"))

    assert cluster.times() == [30, 60, 91]


# -- the thread


def test_stop_ends_the_run_at_once_and_lets_another_lead():
    memory = MemoryStore()
    coordinator = MemoryCoordinator(memory)
    beat = Beat(
        BeatSettings("one"),
        lambda: [every(3600)],
        Cluster().make,
        lambda messages: None,
        MemoryScheduleStore(memory),
        coordinator,
        memory.clock,
    )
    thread = threading.Thread(target=beat.run)
    thread.start()
    try:
        while coordinator.holder("celeriac.beat") is None:
            assert thread.is_alive()
    finally:
        beat.stop()
        thread.join(timeout=5)

    assert not thread.is_alive()
    assert coordinator.holder("celeriac.beat") is None


def test_the_store_knows_when_an_entry_was_first_seen(cluster):
    cluster.beat(every(30)).step()

    (run,) = MemoryScheduleStore(cluster.memory).last_runs()

    assert run == LastRun("report", NOON, NOON, 0, run.schedule, published=True)
    assert run.schedule
