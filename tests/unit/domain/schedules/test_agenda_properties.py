"""BeatCore under any course of the clock: no tick lost, none repeated, none too early."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from celeriac.domain.schedules import All, BeatCore, Crontab, Entry, Interval, Once, Schedule

#: The machine may be busy.
unhurried = settings(deadline=None)

BERLIN = ZoneInfo("Europe/Berlin")
#: A few hours before clocks are put back in Berlin.
START = datetime(2024, 10, 26, 22, 0, tzinfo=UTC)

schedules = st.one_of(
    st.sampled_from([Crontab("*/15"), Crontab("*/10", "1-3"), Crontab(30, 2), Crontab(0)]),
    st.sampled_from([60, 420, 3600]).map(Interval),
    st.sampled_from([420, 5400]).map(lambda seconds: Interval(seconds, relative=True)),
)
agendas = st.lists(schedules, min_size=1, max_size=4)
#: Looks in any order: what goes back is a clock set back.
clocks = st.lists(st.integers(0, 8 * 3600).map(lambda s: START + timedelta(seconds=s)), max_size=8)


def entries(agenda: list[Schedule]) -> list[Entry]:
    return [Entry(f"entry {n}", "task", schedule) for n, schedule in enumerate(agenda)]


def all_fire_times(schedule: Schedule, until: datetime) -> list[datetime]:
    times, following = [], schedule.next_after(START, BERLIN)
    while following <= until:
        times.append(following)
        following = schedule.next_after(following, BERLIN)
    return times


@unhurried
@given(agenda=agendas, clock=clocks, merged=st.booleans())
def test_all_loses_and_repeats_no_tick(agenda: list[Schedule], clock: list[datetime], merged: bool):
    core = BeatCore(entries(agenda), BERLIN, START, catch_up=All(limit=1000))
    seen: dict[str, list[datetime]] = {entry.name: [] for entry in entries(agenda)}

    for now in clock:
        for tick in core.look(now).ticks:
            assert tick.due <= now
            seen[tick.entry_name].append(tick.due)
            core.fired(tick)
        if merged:
            core.merge(entries(agenda), now)

    furthest = max(clock, default=START)
    assert seen == {
        entry.name: all_fire_times(entry.schedule, furthest) for entry in entries(agenda)
    }


@unhurried
@given(agenda=agendas, clock=clocks)
def test_once_fires_each_look_at_most_one_tick_an_entry_and_never_misses_the_latest(
    agenda: list[Schedule], clock: list[datetime]
):
    core = BeatCore(entries(agenda), BERLIN, START, catch_up=Once())
    latest: dict[str, datetime] = {}

    for now in clock:
        ticks = core.look(now).ticks
        assert len({tick.entry_name for tick in ticks}) == len(ticks)
        assert all(tick.due > latest.get(tick.entry_name, START) for tick in ticks)
        latest |= {tick.entry_name: tick.due for tick in ticks}

    furthest = max(clock, default=START)
    expected = {
        entry.name: times[-1]
        for entry in entries(agenda)
        if (times := all_fire_times(entry.schedule, furthest))
    }
    assert latest == expected


@unhurried
@given(agenda=agendas, clock=clocks)
def test_looking_when_told_finds_every_tick_on_time(agenda: list[Schedule], clock: list[datetime]):
    furthest = max(clock, default=START)
    core = BeatCore(entries(agenda), BERLIN, START)
    seen: dict[str, list[datetime]] = {entry.name: [] for entry in entries(agenda)}

    now = START
    while now <= furthest:
        look = core.look(now)
        for tick in look.ticks:
            assert tick.due == now
            seen[tick.entry_name].append(tick.due)
        assert look.next_look is not None
        assert now < look.next_look <= now + timedelta(minutes=5)
        now = look.next_look

    assert seen == {
        entry.name: all_fire_times(entry.schedule, furthest) for entry in entries(agenda)
    }
