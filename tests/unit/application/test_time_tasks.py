"""How long tasks run, wait in a worker, and are late: measured by the hub's own clock."""

from datetime import timedelta
from typing import Any

from celeriac.adapters.memory import VirtualClock
from celeriac.application.time_tasks import TaskTimes
from celeriac.domain.messaging.delivery import Orphan
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.durations import Durations
from celeriac.domain.work.effects import Start
from celeriac.domain.work.job import Report, TimedOut
from tests.unit.domain.samples import delivered, message

TASKS = {"shop.add": TaskOptions("shop.add")}


class Place:
    """A core with one slot, a clock, and what is measured."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.core = WorkerCore(WorkerPolicy(1), TASKS.get)
        self.times = TaskTimes(self.core, self.clock)

    def claim(self, *ids: str, **sent: Any) -> None:
        batch = [delivered(message(id_, "shop.add", **sent), id_) for id_ in ids]
        assert self.core.on_deliveries(batch, self.clock.now(), self.clock.monotonic()) == []

    def start(self) -> int:
        (start,) = self.core.start(1)
        assert isinstance(start, Start)
        (job,) = start.jobs
        return job.number

    def run(self, seconds: float) -> None:
        number = self.start()
        self.clock.advance(seconds)
        report = Report(number, "SUCCESS", runtime=seconds)
        self.times.reports([report])
        self.core.on_reports([report])


def total(kept: dict[str, Durations], name: str) -> tuple[int, float]:
    return sum(kept[name].steps()), kept[name].total


def test_what_is_behind_another_task_waits_for_as_long_as_that_runs():
    place = Place()
    place.claim("first", "second")

    place.run(4.0)
    place.run(1.0)

    assert total(place.times.runs, "shop.add") == (2, 5.0)
    assert total(place.times.waits, "celery") == (2, 4.0)


def test_a_task_with_an_eta_is_late_by_the_time_from_then_to_its_start():
    place = Place()
    place.claim("due", eta=place.clock.now() - timedelta(seconds=7))
    place.clock.advance(2.0)

    place.run(30.0)

    assert total(place.times.delays, "celery") == (1, 9.0)
    assert total(place.times.waits, "celery") == (1, 2.0)


def test_a_task_without_one_is_never_late():
    place = Place()
    place.claim("any")

    place.run(1.0)

    assert place.times.delays == {}


def test_a_sender_whose_clock_is_ahead_gives_no_delay_below_zero():
    place = Place()
    place.claim("due", eta=place.clock.now())
    place.clock.jump_wall(-60.0)

    place.run(1.0)

    assert total(place.times.delays, "celery") == (1, 0.0)


def test_what_was_ended_by_its_hard_limit_has_run_so_long():
    place = Place()
    place.claim("stuck")

    place.times.timed_out(TimedOut(place.start(), 300.0))

    assert total(place.times.runs, "shop.add") == (1, 300.0)


def test_what_was_adopted_from_a_dead_worker_has_not_waited_here():
    place = Place()
    orphan = Orphan(delivered(message("lost", "shop.gone"), 1), started=False, owner="dead")
    (bury, *_) = place.core.on_orphans([orphan], place.clock.now())

    place.times.reports([Report(getattr(bury, "number", 0), "FAILURE")])

    assert place.times.waits == {}


def test_reports_of_jobs_that_are_others_by_now_are_not_measured():
    place = Place()

    place.times.reports([Report(17, "SUCCESS", runtime=1.0)])

    assert place.times.runs == {}
