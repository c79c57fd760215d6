"""When the hub looks for messages again, and when it has somebody wait for them."""

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.application.lull import Lull
from celeriac.domain.work.capacity import SHORT


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.mark.parametrize(("found", "is_known"), [(0, True), (1, True), (2, False)])
def test_a_claim_that_came_short_need_not_be_repeated(clock, found, is_known):
    lull = Lull(clock)

    lull.looked(found, 2)

    assert lull.is_known is is_known


def test_what_is_settled_may_have_sent_something(clock):
    lull = Lull(clock)
    lull.looked(0, 2)
    assert lull.goes_on(brief=True)

    lull.over()

    assert (lull.is_known, lull.until) == (False, None)


def test_nobody_is_set_to_wait_while_what_runs_is_over_in_a_moment(clock):
    lull = Lull(clock)

    assert lull.goes_on(brief=True)
    clock.advance(SHORT / 2)
    assert lull.goes_on(brief=True)
    clock.advance(SHORT)
    assert not lull.goes_on(brief=True)


def test_a_long_task_lets_somebody_wait_at_once(clock):
    assert not Lull(clock).goes_on(brief=False)
