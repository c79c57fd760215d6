"""How much a child may hold."""

from collections import deque
from collections.abc import Callable

from celeriac.adapters.pools.prefork.spoke import LONG, Spoke
from celeriac.domain.messaging.message import TaskMessage

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


def test_links_take_the_place_of_the_job_they_follow(spoke_with: SpokeWith):
    first, waiting = job(1, relays=2), job(5)
    link = TaskMessage("link", "task", b"")
    spoke = spoke_with(first, waiting)

    known = [spoke.relay(1, link), spoke.relay(1, link), spoke.relay(2, link)]

    assert known == [True, False, True]
    assert [(one.number, one.relays) for one in spoke.inflight.values()] == [(3, 0), (5, 0)]
    assert spoke.inflight[3].message is link


def test_a_link_of_which_nobody_was_told_means_that_the_one_before_had_begun(
    spoke_with: SpokeWith, begin: Begin
):
    spoke = spoke_with(job(1, relays=3), job(5))

    begin(spoke, 4, 0.0)

    assert spoke.split() == ([1], [5])


def test_a_job_behind_links_counts_as_begun_only_when_it_is(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1, relays=3), job(5), job(6))
    spoke.relay(1, TaskMessage("link", "task", b""))

    begin(spoke, 5, 0.0)

    assert spoke.split() == ([2, 5], [6])
