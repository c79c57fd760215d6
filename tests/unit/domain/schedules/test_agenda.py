"""BeatCore by example: looks, missed ticks, clock jumps, changed entries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.schedules import (
    All,
    BeatCore,
    CatchUp,
    Crontab,
    Entry,
    Interval,
    Look,
    Once,
    Skip,
    Tick,
)

NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
HOURLY = Entry("report", "tasks.report", Crontab(0))
POLL = Entry("poll", "tasks.poll", Interval(10))


def at(**after_noon: float) -> datetime:
    return NOON + timedelta(**after_noon)


def beat(*entries: Entry, now: datetime = NOON, **options: object) -> BeatCore:
    return BeatCore(entries, UTC, now, **options)


def dues(look: Look) -> list[tuple[str, datetime]]:
    return [tick.key for tick in look.ticks]


def test_an_entry_that_never_ran_counts_from_the_start():
    core = beat(POLL)

    assert core.look(NOON) == Look((), at(seconds=10))
    assert dues(core.look(at(seconds=10))) == [("poll", at(seconds=10))]


def test_a_look_hands_out_all_that_is_due_in_order_and_says_when_to_look_again():
    core = beat(HOURLY, POLL, replace(POLL, name="again"), now=at(minutes=59, seconds=50))

    look = core.look(at(hours=1))

    assert dues(look) == [
        ("again", at(hours=1)),
        ("poll", at(hours=1)),
        ("report", at(hours=1)),
    ]
    assert look.next_look == at(hours=1, seconds=10)


def test_ticks_of_several_entries_are_handed_out_by_due_time():
    core = beat(POLL, replace(POLL, name="slow", schedule=Interval(15)), catch_up=All())

    assert dues(core.look(at(seconds=30))) == [
        ("poll", at(seconds=10)),
        ("slow", at(seconds=15)),
        ("poll", at(seconds=20)),
        ("poll", at(seconds=30)),
        ("slow", at(seconds=30)),
    ]


def test_a_tick_carries_its_entry_with_the_last_run_known():
    entry = replace(HOURLY, last_run_at=at(minutes=-1), total_run_count=7)

    look = beat(entry).look(NOON)

    assert look.ticks == (Tick("report", NOON, entry),)


def test_the_next_look_is_never_further_away_than_the_longest_interval():
    core = beat(HOURLY, max_interval=timedelta(minutes=3))

    assert core.look(at(minutes=1)).next_look == at(minutes=4)
    assert core.look(at(minutes=58)).next_look == at(minutes=60)


@pytest.mark.parametrize("entries", [(), (replace(POLL, enabled=False),)])
def test_with_nothing_to_wait_for_there_is_no_next_look(entries: tuple[Entry, ...]):
    assert beat(*entries).look(at(days=1)) == Look((), None)


def test_a_tick_that_fired_is_counted_from_its_due_time():
    core = beat(POLL)
    (tick,) = core.look(at(seconds=13)).ticks

    stored = core.fired(tick)

    assert stored == replace(POLL, last_run_at=at(seconds=10), total_run_count=1)
    assert core.entries == {"poll": stored}
    assert core.look(at(seconds=13)).next_look == at(seconds=20)


def test_ticks_that_fired_in_another_order_leave_the_latest_as_last_run():
    core = beat(POLL, catch_up=All())
    first, second = core.look(at(seconds=20)).ticks

    core.fired(second)

    assert core.fired(first) == replace(POLL, last_run_at=at(seconds=20), total_run_count=2)


def test_a_tick_of_an_entry_that_is_gone_needs_no_storing():
    core = beat(POLL)
    (tick,) = core.look(at(seconds=10)).ticks
    core.merge((), at(seconds=10))

    assert core.fired(tick) is None


@pytest.mark.parametrize(
    ("catch_up", "pending"),
    [
        (Once(), [at(hours=5)]),
        (Skip(), [at(hours=5)]),
        (All(), [at(hours=n) for n in (1, 2, 3, 4, 5)]),
        (All(limit=2), [at(hours=4), at(hours=5)]),
    ],
)
def test_what_was_missed_is_caught_up_by_the_policy(catch_up: CatchUp, pending: list[datetime]):
    core = beat(replace(HOURLY, last_run_at=NOON), now=at(hours=5), catch_up=catch_up)

    look = core.look(at(hours=5, seconds=1))

    assert [tick.due for tick in look.ticks] == pending
    assert core.look(at(hours=5, seconds=2)).ticks == ()


@pytest.mark.parametrize("entry", [HOURLY, replace(HOURLY, schedule=Interval(3600))])
def test_skip_drops_what_is_later_than_its_grace_and_tells(entry: Entry):
    core = beat(entry, catch_up=Skip(grace=timedelta(seconds=30)))

    look = core.look(at(hours=5, seconds=31))

    assert look.ticks == ()
    assert [tick.due for tick in look.skipped] == [at(hours=5)]
    assert dues(core.look(at(hours=6, seconds=30))) == [(entry.name, at(hours=6))]


@pytest.mark.parametrize(("late", "fires"), [(60, True), (61, False)])
def test_a_crontab_tick_beyond_the_starting_deadline_is_skipped(late: int, fires: bool):
    core = beat(HOURLY, cron_starting_deadline=timedelta(seconds=60))

    look = core.look(at(hours=1, seconds=late))

    assert (len(look.ticks), len(look.skipped)) == ((1, 0) if fires else (0, 1))


def test_the_starting_deadline_does_not_bind_intervals():
    core = beat(POLL, cron_starting_deadline=timedelta(seconds=1))

    assert dues(core.look(at(seconds=15))) == [("poll", at(seconds=10))]


def test_the_deadline_leaves_of_all_ticks_those_still_in_time():
    core = beat(HOURLY, catch_up=All(), cron_starting_deadline=timedelta(minutes=90))

    look = core.look(at(hours=5, minutes=10))

    assert [tick.due for tick in look.ticks] == [at(hours=4), at(hours=5)]
    assert [tick.due for tick in look.skipped] == [at(hours=3)]


def test_a_clock_set_back_fires_nothing_again():
    core = beat(HOURLY, POLL)
    core.look(at(hours=1))

    back = core.look(at(minutes=30))

    assert back.ticks == ()
    assert back.next_look == at(minutes=35)
    assert core.look(at(hours=1)).ticks == ()
    assert dues(core.look(at(hours=1, seconds=10))) == [("poll", at(hours=1, seconds=10))]


def test_a_clock_set_forward_by_years_is_caught_up_in_one_tick():
    core = beat(replace(HOURLY, schedule=Crontab()), POLL)

    look = core.look(at(days=3650, seconds=3))

    assert dues(look) == [("poll", at(days=3650)), ("report", at(days=3650))]


def test_a_tick_given_back_is_handed_out_again_once():
    core = beat(POLL)
    (tick,) = core.look(at(seconds=10)).ticks

    core.give_back(tick)

    assert core.look(at(seconds=11)).ticks == (tick,)
    assert core.look(at(seconds=12)).ticks == ()


def test_a_tick_given_back_too_late_is_skipped():
    core = beat(HOURLY, cron_starting_deadline=timedelta(seconds=60))
    (tick,) = core.look(at(hours=1)).ticks

    core.give_back(tick)

    assert core.look(at(hours=1, seconds=61)).skipped == (tick,)


def test_a_tick_given_back_is_dropped_with_its_entry():
    core = beat(POLL)
    core.give_back(core.look(at(seconds=10)).ticks[0])

    core.merge([HOURLY], at(seconds=10))

    assert core.look(at(seconds=20)).ticks == ()


def test_an_unchanged_entry_goes_on_where_it_was_when_entries_are_merged():
    core = beat(POLL)
    core.fired(core.look(at(seconds=10)).ticks[0])

    core.merge([POLL, HOURLY], at(seconds=15))

    assert core.entries["poll"] == replace(POLL, last_run_at=at(seconds=10), total_run_count=1)
    assert dues(core.look(at(seconds=20))) == [("poll", at(seconds=20))]


def test_an_entry_with_other_arguments_keeps_its_time_and_sends_the_new_ones():
    core = beat(POLL)

    core.merge([replace(POLL, args=(1,))], at(seconds=5))

    (tick,) = core.look(at(seconds=10)).ticks
    assert (tick.due, tick.entry.args) == (at(seconds=10), (1,))


def test_a_new_schedule_counts_from_the_merge_so_that_nothing_was_missed():
    yesterday = replace(HOURLY, schedule=Crontab(0, 16), last_run_at=at(hours=-20))
    core = beat(yesterday)

    core.merge([replace(yesterday, schedule=Crontab(0, 10))], NOON)

    assert core.look(at(hours=21)).ticks == ()
    assert dues(core.look(at(hours=22))) == [("report", at(hours=22))]


def test_a_new_schedule_fires_nothing_again_after_the_clock_was_set_back():
    core = beat(HOURLY)
    core.look(at(hours=1))

    core.merge([replace(HOURLY, schedule=Crontab("0,30"))], at(minutes=20))

    assert core.look(at(hours=1)).ticks == ()
    assert dues(core.look(at(hours=1, minutes=30))) == [("report", at(hours=1, minutes=30))]


def test_an_entry_switched_on_again_counts_from_then():
    core = beat(replace(HOURLY, enabled=False, last_run_at=NOON))
    assert core.look(at(hours=3)).ticks == ()

    core.merge([replace(HOURLY, last_run_at=NOON)], at(hours=3, minutes=30))

    assert core.look(at(hours=3, minutes=59)).ticks == ()
    assert dues(core.look(at(hours=4))) == [("report", at(hours=4))]


def test_an_entry_switched_off_or_dropped_fires_no_more():
    core = beat(HOURLY, POLL)

    core.merge([replace(HOURLY, enabled=False)], NOON)

    assert core.look(at(days=1)) == Look((), None)


def test_what_another_beat_fired_since_is_not_fired_again():
    core = beat(POLL)

    core.merge([replace(POLL, last_run_at=at(seconds=30), total_run_count=3)], at(seconds=31))

    assert core.look(at(seconds=39)).ticks == ()
    assert dues(core.look(at(seconds=40))) == [("poll", at(seconds=40))]
    assert core.entries["poll"].total_run_count == 3


def test_two_beats_that_start_at_different_times_find_the_same_ticks():
    stored = replace(POLL, last_run_at=NOON)
    first, second = beat(stored, now=at(seconds=3)), beat(stored, now=at(seconds=7))

    assert dues(first.look(at(seconds=12))) == dues(second.look(at(seconds=19)))


def test_a_naive_last_run_is_read_in_the_zone_of_the_core():
    naive = datetime(2024, 5, 6, 13, 30)  # noqa: DTZ001 - the point

    core = BeatCore([replace(HOURLY, last_run_at=naive)], ZoneInfo("Europe/Berlin"), NOON)

    assert dues(core.look(NOON)) == [("report", NOON)]


def test_a_naive_present_is_refused():
    with pytest.raises(ValueError, match="expected an aware datetime"):
        beat(POLL).look(datetime(2024, 5, 6, 12, 0))  # noqa: DTZ001 - the point


def test_a_limit_of_no_ticks_is_refused():
    with pytest.raises(ValueError, match="limit of All is 0"):
        All(limit=0)
