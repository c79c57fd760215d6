"""What is done about a child, and when it is looked at again."""

from collections.abc import Callable
from math import inf

from celeriac.adapters.pools.prefork.spoke import LONG, OnRequest, OverLimit, Spoke
from celeriac.adapters.pools.prefork.vigil import Interrupt, Kill, TakeBack, measures
from celeriac.ports.pool import Cancel

from .conftest import job

SpokeWith = Callable[..., Spoke]
Begin = Callable[[Spoke, int, float], None]


def test_a_child_without_limits_or_waiting_jobs_is_left_alone(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1))
    begin(spoke, 1, 10.0)

    assert measures(spoke, 1000.0, {}) == ([], inf)


def test_a_limit_counts_from_the_true_beginning(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1, hard_limit=5.0))
    begin(spoke, 1, 10.0)

    assert measures(spoke, 14.0, {}) == ([], 15.0)
    assert measures(spoke, 15.0, {}) == ([Kill(OverLimit(1, 5.0))], inf)


def test_before_its_beginning_a_job_cannot_be_over_its_limit(spoke_with: SpokeWith):
    spoke = spoke_with(job(1, hard_limit=5.0))

    assert measures(spoke, 100.0, {}) == ([], 105.0)


def test_a_soft_limit_is_raised_once(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1, soft_limit=5.0, hard_limit=8.0))
    begin(spoke, 1, 10.0)

    first = measures(spoke, 15.0, {})
    spoke.interrupted = 1

    assert first == ([Interrupt(1)], 18.0)
    assert measures(spoke, 16.0, {}) == ([], 18.0)


def test_jobs_behind_a_long_one_are_taken_back_once(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1), job(2))
    begin(spoke, 1, 10.0)

    early = measures(spoke, 10.0 + LONG / 2, {})
    late = measures(spoke, 10.0 + LONG, {})
    spoke.stuck = 1

    assert early[0] == []
    assert late[0] == [TakeBack(1)]
    assert measures(spoke, 10.0 + 2 * LONG, {})[0] == []


def test_an_unwanted_job_is_killed_once_it_runs(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1), job(2))
    begin(spoke, 1, 10.0)

    before = measures(spoke, 10.0, {2: Cancel.KILL})
    begin(spoke, 2, 10.01)

    assert before[0] == []
    assert measures(spoke, 10.01, {2: Cancel.KILL}) == ([Kill(OnRequest(2))], inf)


def test_a_doomed_child_is_not_killed_again(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1, hard_limit=5.0))
    begin(spoke, 1, 10.0)

    spoke.doom = OverLimit(1, 5.0)

    assert measures(spoke, 20.0, {}) == ([], inf)


def test_a_link_that_turns_out_to_be_long_has_the_child_tell_of_those_before(
    spoke_with: SpokeWith, begin: Begin
):
    spoke = spoke_with(job(1, relays=3))
    begin(spoke, 3, 10.0)

    early, again = measures(spoke, 10.0 + LONG / 2, {})
    late, _ = measures(spoke, 10.0 + LONG, {})

    assert (early, again) == ([], 10.0 + LONG / 2 + LONG)
    assert late == [TakeBack(3)]
