"""What is said when a child has died."""

from collections.abc import Callable

import pytest

from celeriac.adapters.pools.prefork.burial import how_it_ended, last_rites
from celeriac.adapters.pools.prefork.spoke import AtStop, Doom, OnRequest, OverLimit, Spoke
from celeriac.domain.work.job import Cancelled, Lost, PoolEvent, TimedOut

from .conftest import job

SpokeWith = Callable[..., Spoke]
Begin = Callable[[Spoke, int, float], None]

CAUSE = "process 4711 exited with code 3"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "process 4711 exited with code 3"),
        (-9, "process 4711 was killed by signal 9 (SIGKILL)"),
        (-40, "process 4711 was killed by signal 40"),
    ],
)
def test_an_end_is_told_in_words(status: int, words: str):
    assert how_it_ended(4711, status) == words


def test_a_child_that_held_nothing_leaves_nothing_to_say(spoke_with: SpokeWith):
    assert last_rites(spoke_with(), CAUSE) == []


def test_a_child_that_had_begun_nothing_loses_its_jobs_unstarted(spoke_with: SpokeWith):
    assert last_rites(spoke_with(job(1), job(2)), CAUSE) == [Lost([], [1, 2], CAUSE)]


def test_all_up_to_the_job_begun_last_had_begun(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1), job(2), job(3))
    begin(spoke, 2, 10.0)

    assert last_rites(spoke, CAUSE) == [Lost([1, 2], [3], CAUSE)]


def test_what_stands_behind_a_reported_job_had_not_begun(spoke_with: SpokeWith, begin: Begin):
    spoke = spoke_with(job(1), job(2))
    begin(spoke, 1, 10.0)
    spoke.settle(1)

    assert last_rites(spoke, CAUSE) == [Lost([], [2], CAUSE)]


@pytest.mark.parametrize(
    ("doom", "events"),
    [
        (OverLimit(2, 5.0), [TimedOut(2, 5.0, (3,)), Lost([1], [], CAUSE)]),
        (OnRequest(2), [Cancelled((2,), (2,)), Lost([1], [3], CAUSE)]),
        (AtStop(), [Lost([1, 2], [3], CAUSE)]),
        (OverLimit(7, 5.0), [Lost([1, 2], [3], CAUSE)]),
    ],
)
def test_why_a_child_was_killed_decides_what_its_job_is_told(
    spoke_with: SpokeWith, begin: Begin, doom: Doom, events: list[PoolEvent]
):
    spoke = spoke_with(job(1), job(2), job(3))
    begin(spoke, 2, 10.0)

    spoke.doom = doom

    assert last_rites(spoke, CAUSE) == events
