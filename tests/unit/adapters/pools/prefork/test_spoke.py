"""How much a child may hold."""

from collections import deque
from collections.abc import Callable

from celeriac.adapters.pools.prefork.spoke import LONG, Spoke

from .conftest import job

SpokeWith = Callable[..., Spoke]
Begin = Callable[[Spoke, int, float], None]

MILLISECOND = 1 / 1024  # nearly, so that sums are exact


def test_a_child_takes_two_batches_of_short_jobs(spoke_with: SpokeWith):
    backlog = deque(job(number, estimate=MILLISECOND) for number in range(20))

    spoke = spoke_with()
    spoke.take(backlog, 20, now=0.0)

    assert (list(spoke.inflight), len(backlog)) == (list(range(10)), 10)


def test_a_job_not_known_as_short_is_taken_alone(spoke_with: SpokeWith):
    backlog = deque([job(1, estimate=None), job(2)])

    spoke = spoke_with()
    spoke.take(backlog, 20, now=0.0)

    assert (list(spoke.inflight), [j.number for j in backlog]) == ([1], [2])


def test_a_job_not_known_as_short_is_not_put_behind_another(spoke_with: SpokeWith):
    backlog = deque([job(1), job(2, estimate=None), job(3)])

    spoke = spoke_with()
    spoke.take(backlog, 20, now=0.0)

    assert (list(spoke.inflight), [j.number for j in backlog]) == ([1], [2, 3])


def test_a_child_wants_more_once_it_is_at_its_second_batch(spoke_with: SpokeWith):
    spoke = spoke_with(*(job(number, estimate=MILLISECOND) for number in range(10)))

    full = spoke.hungry(now=0.0)
    for number in range(5):
        spoke.settle(number)

    assert (full, spoke.hungry(now=0.0)) == (False, True)


def test_nothing_is_put_behind_a_job_that_turned_out_to_be_long(
    spoke_with: SpokeWith, begin: Begin
):
    spoke = spoke_with(job(1))
    begin(spoke, 1, 10.0)

    assert spoke.hungry(now=10.0 + LONG / 2)
    assert not spoke.hungry(now=10.0 + LONG)
