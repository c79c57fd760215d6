"""Schedulers of others, derived from `celery.beat.Scheduler`, and what wraps its methods."""

import logging
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from celeriac import Celeriac, Task
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.entrypoints.beat import AppBeat, BeatOptions
from celeriac.entrypoints.celery_modules import beat as celery_beat
from celeriac.entrypoints.library.scheduler import Scheduler
from celeriac.schedules import crontab, schedule
from celeriac.signals import beat_init


@pytest.fixture
def app():
    store = MemoryStore(clock := VirtualClock())
    results = MemoryResults(store)
    with Celeriac("shop", broker=MemoryBroker(store), backend=results, clock=clock) as app:
        app.conf.beat_schedule = {
            "often": {"task": "shop.look", "schedule": 10, "args": (1,)},
            "hourly": {"task": "shop.sum", "schedule": crontab(minute="0")},
        }
        yield app


class FromTable(Scheduler):
    """A scheduler that reads entries from elsewhere, as those of databases do."""

    made: ClassVar[list["FromTable"]] = []
    rows: ClassVar[dict[str, Any]] = {
        "look": {"task": "shop.look", "schedule": 5.0, "kwargs": {"by": "table"}}
    }

    def __init__(self, *args, **kwargs):
        self.synced = self.closed = 0
        self.given = kwargs
        super().__init__(*args, **kwargs)
        self.made.append(self)

    def setup_schedule(self):
        self.update_from_dict(self.rows)

    def sync(self):
        self.synced += 1

    def close(self):
        super().close()
        self.closed += 1


def run(app, beat, seconds):
    clock = app.container.clock()
    beat.start()
    end = clock.monotonic() + seconds
    while True:
        wait = max(beat.beat.step(), 0.001)
        if clock.monotonic() + wait > end:
            break
        clock.advance(wait)


def sent(app):
    return app.broker.peek("celery", 1000)


def test_who_hears_that_a_beat_begins_finds_its_scheduler(app):
    FromTable.made.clear()
    heard = []

    def lock(sender, **_):
        heard.append(sender.scheduler)

    beat_init.connect(lock)
    try:
        run(app, AppBeat(app, BeatOptions(scheduler=f"{__name__}:FromTable")), 1)
        assert heard == FromTable.made
        AppBeat(app).start()
    finally:
        beat_init.disconnect(lock)

    assert set(heard[1].schedule) >= {"often", "hourly"}


def test_a_scheduler_class_of_ones_own_says_what_is_sent(app):
    FromTable.made.clear()
    beat = AppBeat(app, BeatOptions(scheduler=f"{__name__}:FromTable", max_interval=2))

    run(app, beat, 21)
    beat.beat.resign()

    [scheduler] = FromTable.made
    assert [m.task for m in sent(app)] == ["shop.look"] * 4
    assert sent(app)[0].headers["celery_beat_task"] is True
    assert scheduler.schedule["look"].total_run_count == 4
    assert scheduler.max_interval == 2
    assert scheduler.closed == 1


def test_of_two_beats_with_such_a_class_one_ticks(app):
    FromTable.made.clear()
    first, second = (AppBeat(app, BeatOptions(scheduler=FromTable)) for _ in range(2))

    run(app, first, 11)
    before = len(sent(app))
    run(app, second, 1)

    assert (first.beat.leads, second.beat.leads) == (True, False)
    assert len(sent(app)) == before == 2
    first.beat.resign()
    run(app, second, 1)
    assert second.beat.leads


def test_an_entry_whose_schedule_breaks_hinders_no_other(app):
    class Broken(schedule):
        def is_due(self, last_run_at):
            raise OSError("no such table")

    class Some(FromTable):
        rows: ClassVar[dict[str, Any]] = {
            **FromTable.rows,
            "broken": {"task": "shop.sum", "schedule": Broken(1)},
        }

    run(app, AppBeat(app, BeatOptions(scheduler=Some)), 11)

    assert [m.task for m in sent(app)] == ["shop.look"] * 2


def test_the_usual_scheduler_can_be_asked_for_its_schedule(app):
    scheduler = celery_beat.Service(app).get_scheduler()

    assert set(scheduler.schedule) == {"often", "hourly"}
    assert scheduler.schedule["often"].schedule.run_every == timedelta(seconds=10)
    app.conf.beat_schedule = {"often": {"task": "shop.look", "schedule": 20}}
    scheduler.merge_inplace(app.conf.beat_schedule)
    assert set(scheduler.schedule) == {"often"}
    assert scheduler.tick() == pytest.approx(20, abs=0.1)


def test_an_entry_goes_on_where_it_was():
    entry = celery_beat.ScheduleEntry(
        "look", "shop.look", schedule=schedule(10, nowfun=VirtualClock().now)
    )

    later = next(entry)

    assert (later.total_run_count, later.name, later.task) == (1, "look", "shop.look")
    assert later == entry
    later.update(celery_beat.ScheduleEntry("look", "shop.other", schedule=entry.schedule))
    assert (later.task, later.total_run_count, later == entry) == ("shop.other", 1, False)


def test_a_lazy_argument_is_computed_at_each_sending(app):
    numbers = iter(range(10))

    class Lazy(FromTable):
        rows: ClassVar[dict[str, Any]] = {
            "look": {
                "task": "shop.look",
                "schedule": 5.0,
                "args": (celery_beat.BeatLazyFunc(lambda: next(numbers)),),
            }
        }

    run(app, AppBeat(app, BeatOptions(scheduler=Lazy)), 11)

    assert [m.headers["argsrepr"] for m in sent(app)] == ["(0,)", "(1,)"]


def test_who_wraps_apply_entry_sees_each_tick_once_and_may_add_headers(app, monkeypatch):
    seen = []
    original = Scheduler.apply_entry

    def wrapped(scheduler, entry, producer=None):
        seen.append((scheduler.app, entry.name, entry.schedule.run_every))
        entry.options["headers"] = {**entry.options.get("headers", {}), "check": "in"}
        return original(scheduler, entry, producer)

    monkeypatch.setattr(Scheduler, "apply_entry", wrapped)
    del app.conf.beat_schedule["hourly"]

    run(app, AppBeat(app), 21)

    assert seen == [(app, "often", timedelta(seconds=10))] * 2
    messages = sent(app)
    assert [(m.task, m.headers["check"]) for m in messages] == [("shop.look", "in")] * 2
    assert messages[0].headers["celeriac_beat_entry"] == "often"


def test_a_tasks_own_apply_async_is_asked_of_ticks(app):
    class Tenants(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            headers = {**(options.pop("headers", None) or {}), "tenant": "acme"}
            return super().apply_async(args, kwargs, headers=headers, **options)

    @app.task(base=Tenants, name="shop.look")
    def look(x):
        pass

    run(app, AppBeat(app), 11)

    assert [m.headers["tenant"] for m in sent(app) if m.task == "shop.look"] == ["acme"]


class Kept(celery_beat.PersistentScheduler):
    """A persistent scheduler of somebody's own."""


def reopened(app, file, **more):
    return Kept(app, schedule_filename=str(file), **more)


def test_a_persistent_scheduler_goes_on_where_it_was(app, tmp_path):
    first = reopened(app, tmp_path / "runs")
    due = first.schedule["often"]
    due.total_run_count = 7
    due.last_run_at = due.last_run_at - timedelta(seconds=3)
    was = due.last_run_at
    first.close()
    app.conf.beat_schedule = {
        "often": {"task": "shop.sum", "schedule": 20},
        "new": {"task": "shop.look", "schedule": 1},
    }

    second = reopened(app, tmp_path / "runs")
    often = second.schedule["often"]

    assert {"often", "new"} <= set(second.schedule)
    assert "hourly" not in second.schedule
    assert (often.task, often.schedule.run_every) == ("shop.sum", timedelta(seconds=20))
    assert (often.last_run_at, often.total_run_count, often.app) == (was, 7, app)
    assert str(tmp_path / "runs") in second.info
    second.close()


def test_what_beat_sends_is_in_its_file(app, tmp_path):
    file = tmp_path / "runs"
    beat = AppBeat(app, BeatOptions(scheduler=Kept, schedule_filename=str(file)))

    run(app, beat, 11)
    beat.beat.resign()

    assert [m.task for m in sent(app)] == ["shop.look"]
    kept = reopened(app, file)
    assert kept.schedule["often"].total_run_count == 1
    kept.close()


@pytest.mark.parametrize("setting", ["timezone", "enable_utc"])
def test_another_time_zone_begins_anew(app, tmp_path, setting, caplog):
    first = reopened(app, tmp_path / "runs")
    first.schedule["often"].total_run_count = 7
    first.close()
    app.conf[setting] = {"timezone": "Europe/Berlin", "enable_utc": False}[setting]

    with caplog.at_level(logging.WARNING, "celery.beat"):
        second = reopened(app, tmp_path / "runs")

    assert second.schedule["often"].total_run_count == 0
    assert "the time zone has changed" in caplog.text
    second.close()


def test_a_broken_file_begins_anew(app, tmp_path, caplog):
    for suffix in celery_beat.PersistentScheduler.known_suffixes:
        (tmp_path / f"runs{suffix}").write_bytes(b"\x00 no such file \xff")

    with caplog.at_level(logging.WARNING, "celery.beat"):
        kept = reopened(app, tmp_path / "runs")
        kept.close()
        again = reopened(app, tmp_path / "runs")

    assert "often" in again.schedule
    assert caplog.text.count("begins anew") == 1
    again.close()


def test_without_a_file_it_keeps_them_in_memory(app, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    kept = Kept(app)
    kept.close()

    assert set(kept.schedule) >= {"often", "hourly"}
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_that_nobody_bound_asks_the_current_app(app):
    app.set_current()
    long_ago = app.now() - timedelta(hours=1)

    assert schedule(timedelta(seconds=30)).is_due(long_ago).is_due
    app.conf.timezone = "Europe/Berlin"
    assert str(crontab().tz) == "Europe/Berlin"
