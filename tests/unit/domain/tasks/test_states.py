"""Which state wins where two meet."""

import pytest

from celeriac.domain.tasks import states
from celeriac.domain.tasks.states import (
    FAILURE,
    PENDING,
    RECEIVED,
    REJECTED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    may_replace,
    precedence,
    state,
)

READY = [SUCCESS, FAILURE, REVOKED]
UNREADY = [PENDING, RECEIVED, STARTED, REJECTED, RETRY, "PROGRESS"]


@pytest.mark.parametrize("new", [*READY, *UNREADY])
@pytest.mark.parametrize("stored", [None, *UNREADY])
def test_an_unfinished_record_gives_way_to_anything(stored: str | None, new: str):
    assert may_replace(stored, new)


@pytest.mark.parametrize("new", [*READY, *UNREADY])
def test_success_is_final(new: str):
    assert not may_replace(SUCCESS, new)


@pytest.mark.parametrize("stored", [FAILURE, REVOKED])
def test_a_failure_gives_way_to_what_is_finished_and_to_nothing_else(stored: str):
    allowed = {new for new in (*READY, *UNREADY) if may_replace(stored, new)}

    assert allowed == set(READY)


def test_states_are_ranked_from_success_to_pending_with_custom_ones_between():
    ranked = sorted([PENDING, "PROGRESS", SUCCESS, RETRY, FAILURE, STARTED], key=precedence)

    assert ranked == [SUCCESS, FAILURE, "PROGRESS", STARTED, RETRY, PENDING]
    assert precedence("PROGRESS") == precedence(None) == precedence("ANOTHER")


def test_every_state_is_either_ready_or_not():
    assert states.READY_STATES.isdisjoint(states.UNREADY_STATES)
    assert states.ALL_STATES <= states.READY_STATES | states.UNREADY_STATES
    assert states.READY_STATES - {SUCCESS} == states.PROPAGATE_STATES


def test_states_are_compared_by_what_they_are_stronger_than():
    success, pending = state(SUCCESS), state(PENDING)

    assert success > pending
    assert pending < success
    assert success >= SUCCESS
    assert pending <= PENDING
    assert not success < pending
    assert max([state(STARTED), state(RETRY), success]) == SUCCESS
