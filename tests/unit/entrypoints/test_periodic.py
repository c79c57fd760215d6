"""Periodic tasks as users write them, and what beat sends for them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.schedules import All, Crontab, Entry, Interval, Once, Skip
from celeriac.entrypoints.beat import AppBeat, BeatOptions
from celeriac.entrypoints.library.periodic import AppSchedule
from celeriac.schedules import crontab, schedule

CLEANUP = Entry(
    "celery.backend_cleanup",
    "celery.backend_cleanup",
    Crontab("0", "4"),
    options={"expires": 43200},
)


@pytest.fixture
def app():
    clock = VirtualClock()
    store = MemoryStore(clock)
    return Celeriac(
        "shop",
        broker=MemoryBroker(store),
        backend=MemoryResults(store),
        clock=clock,
        set_as_current=False,
    )


def entries(app):
    return {entry.name: entry for entry in AppSchedule(app)()}


def written(app, **entry):
    """The entry that beat reads for one in `beat_schedule`."""
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 30, **entry}}
    return entries(app)["report"]


def run(app, seconds, options=None):
    """Run a beat for some virtual seconds; return the messages it sent."""
    beat, clock = AppBeat(app, options), app.container.clock()
    beat.start()
    end = clock.monotonic() + seconds
    while True:
        wait = max(beat.beat.step(), 0.001)
        if clock.monotonic() + wait > end:
            break
        clock.advance(wait)
    beat.beat.resign()
    return app.broker.peek("celery", 1000)


# -- beat_schedule


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (30, Interval(30)),
        (0.5, Interval(0.5)),
        (timedelta(minutes=5), Interval(300)),
        (schedule(run_every=60), Interval(60)),
        (crontab(minute="*/5"), Crontab("*/5")),
    ],
)
def test_a_schedule_is_seconds_a_timedelta_or_an_object(app, given, read):
    assert written(app, schedule=given).schedule == read


def test_an_entry_has_arguments_and_options(app):
    entry = written(app, args=[1, 2], kwargs={"k": 3}, options={"queue": "slow"}, relative=True)

    assert entry == Entry(
        "report",
        "shop.report",
        Interval(30, relative=True),
        args=(1, 2),
        kwargs={"k": 3},
        options={"queue": "slow"},
    )


def test_what_is_empty_in_celerys_way_is_empty(app):
    entry = written(app, args=None, kwargs=(), options=None)

    assert (entry.args, entry.kwargs, entry.options) == ((), {}, {})


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"task": None}, r"\['task'\] is None: expected the name of a task"),
        ({"schedule": None}, r"\['schedule'\] is None: expected seconds, a timedelta, or crontab"),
        ({"schedule": "*/5 * * * *"}, r"expected seconds, a timedelta, or crontab"),
        ({"schedule": True}, r"\['schedule'\] is True: expected seconds"),
        ({"schedule": -1}, r"\['schedule'\]: .*more than 0 seconds"),
        ({"args": "abc"}, r"\['args'\] is 'abc': expected a list or tuple"),
        ({"args": 5}, r"\['args'\] is 5: expected a list or tuple"),
        ({"kwargs": [1]}, r"\['kwargs'\] is \[1\]: expected a dict"),
        ({"options": "slow"}, r"\['options'\] is 'slow': expected a dict"),
        ({"shedule": 3}, r"no key 'shedule'; did you mean 'schedule'\?"),
        ({"every": 3}, r"no key 'every'; known: task, schedule"),
    ],
)
def test_a_slip_is_refused_when_beat_starts_and_named(app, entry, complaint):
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 30, **entry}}

    with pytest.raises(ImproperlyConfigured, match=r"beat_schedule\['report'\].*" + complaint):
        AppBeat(app).start()


def test_an_entry_that_is_no_dict_is_refused(app):
    app.conf.beat_schedule = {"report": 30}

    with pytest.raises(ImproperlyConfigured, match="expected a dict with 'task' and 'schedule'"):
        AppBeat(app).start()


def test_old_results_are_deleted_every_morning(app):
    assert entries(app) == {CLEANUP.name: CLEANUP}


@pytest.mark.parametrize("never", [None, 0])
def test_results_that_are_kept_for_ever_are_not_deleted(app, never):
    app.conf.result_expires = never

    assert entries(app) == {}


def test_failures_are_deleted_where_only_they_grow_old(app):
    app.conf.update(result_expires=None, result_failure_expires=60)

    assert entries(app) == {CLEANUP.name: CLEANUP}


def test_without_results_there_is_nothing_to_delete():
    with Celeriac("shop", broker="memory://", backend="disabled://", set_as_current=False) as app:
        assert entries(app) == {}


def test_the_users_own_way_of_deleting_results_stands(app):
    app.conf.beat_schedule = {CLEANUP.name: {"task": "shop.clean", "schedule": 60}}

    assert entries(app) == {CLEANUP.name: Entry(CLEANUP.name, "shop.clean", Interval(60))}


# -- add_periodic_task


def test_a_periodic_task_is_an_entry_of_that_name(app):
    @app.task(name="shop.add")
    def add(x, y): ...

    name = app.add_periodic_task(10, add.s(1, 2).set(queue="slow"), name="adding", expires=5)

    assert name == "adding"
    assert entries(app)["adding"] == Entry(
        "adding",
        "shop.add",
        Interval(10),
        args=(1, 2),
        options={"queue": "slow", "expires": 5},
    )


def test_a_task_is_added_with_the_arguments_given(app):
    @app.task(name="shop.add")
    def add(x, y): ...

    name = app.add_periodic_task(crontab(hour=7), add, args=(1,), kwargs={"y": 2})

    entry = entries(app)[name]
    assert (entry.task, entry.args, entry.kwargs) == ("shop.add", (1,), {"y": 2})


def test_one_task_added_with_two_arguments_is_two_entries(app):
    @app.task(name="shop.greet")
    def greet(name): ...

    names = [app.add_periodic_task(10, greet.s(who)) for who in ("ann", "bob")]

    assert len({*names, *entries(app)}) == 3


def test_settings_read_after_a_periodic_task_was_added_do_not_drop_it(app):
    app.add_periodic_task(10, "shop.add", name="adding")

    app.config_from_object({"beat_schedule": {"report": {"task": "shop.report", "schedule": 1}}})

    assert entries(app).keys() == {"report", "adding", CLEANUP.name}


def test_a_periodic_task_with_a_wrong_schedule_is_refused_where_it_is_added(app):
    with pytest.raises(ImproperlyConfigured, match=r"beat_schedule\['adding'\]"):
        app.add_periodic_task("hourly", "shop.add", name="adding")


# -- changes while beat runs


def test_the_schedule_is_the_same_object_while_nothing_changes(app):
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 30}}
    read = AppSchedule(app)
    first = read()

    assert read() is first

    app.conf.beat_schedule["report"]["args"] = (1,)
    assert read()[0].args == (1,)


def test_a_slip_made_while_beat_runs_leaves_the_schedule_as_it_was(app, caplog):
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 30}}
    read = AppSchedule(app)
    first = read()

    app.conf.beat_schedule["report"] = {"task": "shop.report"}

    assert [read(), read()] == [first, first]
    assert caplog.text.count("stays as it was") == 1


# -- what is sent


def test_beat_sends_with_the_options_of_the_task_and_of_the_entry(app):
    @app.task(name="shop.report", priority=7, time_limit=9, ignore_result=True)
    def report(page): ...

    app.conf.beat_schedule = {
        "report": {
            "task": "shop.report",
            "schedule": 30,
            "args": (1,),
            "options": {"priority": 8, "headers": {"mine": 1}},
        }
    }

    (message,) = run(app, 45)

    headers = message.headers
    assert (message.task, message.priority, message.time_limits) == ("shop.report", 8, (9, None))
    assert (headers["celery_beat_task"], headers["mine"]) == (True, 1)
    assert message.ignore_result
    assert app.container.codec().decode(message.payload)[:2] == [[1], {}]


def test_beat_sends_tasks_it_does_not_know(app):
    app.conf.beat_schedule = {"report": {"task": "elsewhere.report", "schedule": 30}}

    messages = run(app, 95)

    assert [message.task for message in messages] == ["elsewhere.report"] * 3
    assert len({message.id for message in messages}) == 3


def test_an_entry_whose_arguments_do_not_fit_is_told_of_and_keeps_no_other(app, caplog):
    @app.task(name="shop.report")
    def report(page): ...

    app.add_periodic_task(30, "shop.report", name="without")
    app.add_periodic_task(30, "shop.report", args=(1,), name="with")

    messages = run(app, 30)

    assert [message.headers["celeriac_beat_entry"] for message in messages] == ["with"]
    assert "without (shop.report)" in caplog.text


def test_crontabs_are_read_in_the_timezone_of_the_app(app):
    app.conf.timezone = "Asia/Kolkata"
    app.add_periodic_task(crontab(hour=18, minute=0), "shop.report", name="report")

    (message,) = run(app, 3600)

    # Six in the evening there.
    assert message.headers["celeriac_beat_due"] == "2026-01-01T12:30:00+00:00"


# -- settings


def test_settings_reach_beat(app):
    app.conf.update(
        beat_lease=8,
        beat_missed_ticks="skip",
        beat_cron_starting_deadline=20,
        beat_max_loop_interval=7,
        timezone="Asia/Kolkata",
    )

    settings = AppBeat(app, BeatOptions(hostname="clock@here")).beat.settings

    assert settings.holder.startswith("clock@here/")
    assert (settings.lease, settings.catch_up, settings.zone) == (
        8,
        Skip(),
        ZoneInfo("Asia/Kolkata"),
    )
    assert settings.cron_starting_deadline == timedelta(seconds=20)
    assert (settings.max_interval, settings.lease_name) == (
        timedelta(seconds=7),
        "celeriac.beat.shop",
    )


@pytest.mark.parametrize(("said", "meant"), [("once", Once()), ("all", All())])
def test_the_policy_of_missed_ticks_is_chosen_by_its_name(app, said, meant):
    app.conf.beat_missed_ticks = said

    assert AppBeat(app).beat.settings.catch_up == meant


def test_the_command_line_beats_the_settings(app):
    app.conf.beat_max_loop_interval = 7

    beat = AppBeat(app, BeatOptions(max_interval=3))

    assert beat.beat.settings.max_interval == timedelta(seconds=3)


def test_no_two_beats_are_taken_for_each_other(app):
    holders = {AppBeat(app).beat.settings.holder for _ in range(3)}

    assert len(holders) == 3


@pytest.mark.parametrize("name", ["celery.beat:PersistentScheduler", "celery.beat.Scheduler"])
def test_the_usual_scheduler_is_known_by_celerys_names(app, name):
    assert AppBeat(app, BeatOptions(scheduler=name)).node.startswith("celerybeat@")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("nowhere.schedulers:DatabaseScheduler", r"'nowhere.*cannot be imported: No module"),
        ("nobodys", r"'nobodys' cannot be imported: no installed package offers"),
        ("datetime:timedelta", r"'datetime:timedelta': expected a class derived from"),
    ],
)
def test_what_is_no_scheduler_is_refused_with_what_to_do(app, asked, why):
    app.conf.beat_scheduler = asked

    with pytest.raises(ImproperlyConfigured, match=rf"beat_scheduler={why}"):
        AppBeat(app)


def test_a_lease_of_nothing_is_refused(app):
    app.conf.beat_lease = 0

    with pytest.raises(ImproperlyConfigured, match=r"beat_lease=0.*more than 0 seconds"):
        AppBeat(app)


def test_a_schedule_file_is_told_to_be_of_no_use(app, caplog):
    AppBeat(app, BeatOptions(schedule_filename="/tmp/when")).start()  # noqa: S108

    assert "'/tmp/when' is not used" in caplog.text
