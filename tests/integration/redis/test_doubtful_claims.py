"""A script whose answer is lost may have been run: what it took must not lie there for ever."""

from __future__ import annotations

import pytest

from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.work.settlement import DONE
from tests.contracts.samples import JOBS, claim, ids, message, messages, publish
from tests.integration.redis.places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("w@host", 10)
    publish(broker, *messages(3))
    return broker


def lose_the_next_answer(broker, monkeypatch):
    run = broker.store.run

    def run_but_unheard(*args, **kwargs):
        monkeypatch.setattr(broker.store, "run", run)
        run(*args, **kwargs)
        raise BrokerUnavailable("the line went dead")

    monkeypatch.setattr(broker.store, "run", run_but_unheard)


def test_messages_of_a_claim_whose_answer_was_lost_come_with_the_next(broker, monkeypatch):
    lose_the_next_answer(broker, monkeypatch)
    with pytest.raises(BrokerUnavailable):
        claim(broker, limit=2)

    found = claim(broker)

    assert ids(found) == ["m000", "m001"]
    assert broker.settle([(one.token, DONE) for one in found]) == [True, True]
    assert ids(claim(broker)) == ["m002"]


def test_nothing_comes_twice_where_the_script_was_never_run(broker, monkeypatch):
    ours = claim(broker, limit=1)
    run = broker.store.run

    def never(*args, **kwargs):
        monkeypatch.setattr(broker.store, "run", run)
        raise BrokerUnavailable("the server is away")

    monkeypatch.setattr(broker.store, "run", never)
    with pytest.raises(BrokerUnavailable):
        claim(broker)

    assert ids([*ours, *claim(broker)]) == ["m000", "m001", "m002"]


def test_orphans_of_an_adoption_whose_answer_was_lost_come_with_the_next(
    place, broker, monkeypatch
):
    claim(broker)
    place.advance(11)
    heir = place.broker()
    heir.enlist("heir@host", 10)
    lose_the_next_answer(heir, monkeypatch)
    with pytest.raises(BrokerUnavailable):
        heir.recover([JOBS])

    orphans = heir.recover([JOBS])

    assert ids(one.delivery for one in orphans) == ["m000", "m001", "m002"]
    assert {one.owner for one in orphans} == {"w@host"}
    assert heir.recover([JOBS]) == []


def test_a_message_published_later_is_not_kept_by_the_doubt(broker, monkeypatch):
    lose_the_next_answer(broker, monkeypatch)
    with pytest.raises(BrokerUnavailable):
        claim(broker)
    claim(broker)

    publish(broker, message("new"))

    assert ids(claim(broker)) == ["new"]
