"""A queue longer than one step of a script looks at: what is seized comes from all of it."""

from __future__ import annotations

import pytest

from celeriac.adapters.redis.broker import _LOOKED_THROUGH
from celeriac.domain.errors import BrokerUnavailable
from tests.contracts.samples import JOBS, claim, ids, later, message, publish
from tests.integration.redis.places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

#: The first message to be served, some in the midst, and the last.
WANTED = ("m000000", "m000001", "m000500", "m009999", "m010000", "m010001", "m020004")


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("w@host", 10)
    sent = [message(f"m{number:06}") for number in range(2 * _LOOKED_THROUGH + 5)]
    for first in range(0, len(sent), 5000):
        publish(broker, *sent[first : first + 5000])
    publish(broker, message("parked", eta=later(place, 60)))
    return broker


def test_those_of_all_steps_come_in_their_order_and_the_others_stay(broker):
    found = broker.seize([*reversed(WANTED), "parked"])

    assert ids(found) == [*WANTED, "parked"]
    assert broker.depth([JOBS]) == {JOBS: 2 * _LOOKED_THROUGH + 5 - len(WANTED)}
    assert ids(claim(broker, limit=3)) == ["m000002", "m000003", "m000004"]


def test_a_step_whose_answer_is_lost_leaves_the_rest_waiting_and_what_it_took_at_hand(
    broker, monkeypatch
):
    run, told = broker.store.run, []

    def lose_the_second_answer(*args, **kwargs):
        answer = run(*args, **kwargs)
        told.append(answer)
        if len(told) == 2:
            monkeypatch.setattr(broker.store, "run", run)
            raise BrokerUnavailable("the line went dead")
        return answer

    monkeypatch.setattr(broker.store, "run", lose_the_second_answer)

    first = broker.seize(WANTED)
    lost = claim(broker, limit=9)

    assert sorted(ids([*first, *lost, *broker.seize(WANTED)])) == list(WANTED)
    assert first
    assert lost
