"""How many jobs make a batch."""

import pytest

from celeriac.adapters.pools.pace import BATCH_JOBS, BATCH_SECONDS, Pace, weight
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.job import Job


def job(estimate: float | None) -> Job:
    return Job(1, TaskMessage("id", "task", b""), estimate=estimate)


@pytest.mark.parametrize("estimate", [None, 0.006, 60.0])
def test_a_job_not_known_as_short_weighs_more_than_a_batch(estimate: float | None):
    assert weight(job(estimate)) > BATCH_SECONDS


def test_a_short_job_weighs_what_it_takes():
    assert weight(job(0.001)) == 0.001


def test_no_job_weighs_nothing_so_that_batches_stay_bounded():
    assert weight(job(0.0)) * BATCH_JOBS == BATCH_SECONDS


def test_a_slot_has_room_for_one_job_until_jobs_are_known_as_short():
    pace = Pace()
    before = pace.jobs_per_slot()

    pace.note([job(0.0005)])
    known = pace.jobs_per_slot()
    pace.note([job(0.0005), job(None)])

    assert (before, known, pace.jobs_per_slot()) == (1, 20, 1)
