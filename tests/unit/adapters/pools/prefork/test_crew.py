"""When children are asked for."""

import errno
import socket
from collections.abc import Iterator
from math import inf

import pytest

from celeriac.adapters.pools.prefork.crew import FIRST_PAUSE, LONGEST_PAUSE, Crew


class BarrenNursery:
    """Notes which children it is asked for, and has none; or refuses even that."""

    def __init__(self, refuse: bool = False) -> None:
        self.asked: list[int] = []
        self.refuse = refuse

    def fork(self, child_id: int, sock: socket.socket, journal_fd: int) -> None:
        if self.refuse:
            raise BrokenPipeError(errno.EPIPE, "the nursery is gone")
        self.asked.append(child_id)


@pytest.fixture
def crew() -> Iterator[Crew]:
    """A crew of two, yet to be made."""
    crew = Crew(2)
    yield crew
    for spoke in crew:
        spoke.close()


def recruit(crew: Crew, now: float) -> list[int]:
    nursery = BarrenNursery()
    list(crew.recruit(nursery, now))  # type: ignore[arg-type]
    return nursery.asked


def test_all_that_are_missing_are_asked_for_at_once(crew: Crew):
    assert recruit(crew, now=0.0) == [1, 2]
    assert (crew.missing, crew.next_birth) == (0, inf)


def test_one_that_dies_after_it_was_ready_is_replaced_at_once(crew: Crew):
    recruit(crew, now=0.0)
    crew.is_ready(crew.spokes[1])

    crew.remove(crew.spokes[1], now=5.0, how="it exited")

    assert recruit(crew, now=5.0) == [3]


def test_pauses_grow_while_children_die_at_birth(crew: Crew):
    pauses = []
    now = 0.0
    for _ in range(10):
        recruit(crew, now)
        crew.remove(next(iter(crew)), now, how="it exited")
        pauses.append(crew.next_birth - now)
        now = crew.next_birth

    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE


def test_during_the_pause_no_child_is_asked_for_and_then_one(crew: Crew):
    recruit(crew, now=0.0)
    for spoke in list(crew):
        crew.remove(spoke, now=0.0, how="it exited")
    until = crew.next_birth

    assert recruit(crew, now=until - 0.01) == []
    assert recruit(crew, now=until) == [3]


def test_the_first_that_gets_ready_ends_the_pauses(crew: Crew):
    recruit(crew, now=0.0)
    crew.remove(crew.spokes[1], now=0.0, how="it exited")

    crew.is_ready(crew.spokes[2])

    assert not crew.failing
    assert recruit(crew, now=0.0) == [3]


def test_a_child_that_could_not_be_asked_for_is_still_missing(crew: Crew):
    with pytest.raises(BrokenPipeError):
        list(crew.recruit(BarrenNursery(refuse=True), now=0.0))  # type: ignore[arg-type]

    assert crew.missing == 2


def test_the_idlest_are_too_many_first(crew: Crew):
    recruit(crew, now=0.0)
    crew.spokes[1].load = 1.0

    crew.resize(-1)

    assert [spoke.id for spoke in crew.superfluous()] == [2]
