"""A commit whose answer is lost may have happened: what it took must not lie there for ever."""

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.messaging.message import TaskMessage


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def broker(tmp_path, clock):
    store = SqlStore.from_url(f"sqlite:///{tmp_path}/a.sqlite3", clock=clock, server_time=False)
    broker = SqlBroker(store)
    broker.publish([TaskMessage(name, "add", b"[]", queue="jobs") for name in "abc"], deadline=5)
    yield broker
    broker.close()


def lose_the_next_answer(broker, monkeypatch):
    write = broker.store.write

    def committed_but_unheard(work, **kwargs):
        monkeypatch.setattr(broker.store, "write", write)
        write(work, **kwargs)
        raise BrokerUnavailable("the line went dead at commit")

    monkeypatch.setattr(broker.store, "write", committed_but_unheard)


def test_messages_of_a_claim_whose_answer_was_lost_come_with_the_next(broker, monkeypatch):
    broker.enlist("w@host", 10)
    lose_the_next_answer(broker, monkeypatch)
    with pytest.raises(BrokerUnavailable):
        broker.claim(["jobs"], 2, 0)

    again = broker.claim(["jobs"], 2, 0)

    assert [delivery.message.id for delivery in again] == ["a", "b"]
    assert all(broker.mark_started([delivery.token for delivery in again]))
    assert [one.message.id for one in broker.claim(["jobs"], 2, 0)] == ["c"]


def test_orphans_of_an_adoption_whose_answer_was_lost_come_with_the_next(
    broker, clock, monkeypatch
):
    dead = SqlBroker(broker.store)
    dead.enlist("dead@host", 10)
    started, _ = dead.claim(["jobs"], 2, 0)
    dead.mark_started([started.token])
    clock.advance(11)
    broker.enlist("w@host", 10)
    lose_the_next_answer(broker, monkeypatch)
    with pytest.raises(BrokerUnavailable):
        broker.recover(["jobs"])

    again = broker.recover(["jobs"])

    assert [(one.delivery.message.id, one.started) for one in again] == [("a", True), ("b", False)]
    assert broker.recover(["jobs"]) == []


def test_queues_that_a_worker_does_not_serve_are_left_to_others(broker, clock):
    dead = SqlBroker(broker.store)
    dead.enlist("dead@host", 10)
    dead.claim(["jobs"], 3, 0)
    clock.advance(11)
    broker.enlist("w@host", 10)

    assert broker.recover(["mail"]) == []
    assert len(broker.recover(["jobs"])) == 3
