"""Folders of messages where no ledger keeps what is claimed: the files themselves do."""

import os

import pytest

from celeriac.adapters.kombu.virtual.broker import VirtualBroker
from celeriac.adapters.kombu.virtual.store import VirtualStore
from celeriac.adapters.memory import VirtualClock
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.work.settlement import DONE, REQUEUE
from tests.contracts.samples import claim, claim_one, ids, message, messages, publish


@pytest.fixture
def make_broker(tmp_path):
    names = ("data_folder_in", "data_folder_out")
    options = {**{name: str(tmp_path) for name in names}, "control_folder": str(tmp_path / "c")}
    settings = {"broker_transport_options": options}

    def make():
        store = VirtualStore.from_url("filesystem://", clock=VirtualClock(), settings=settings)
        broker = VirtualBroker(store)
        broker.enlist("w@host", lease=10)
        return broker

    return make


def age(folder, seconds):
    """Let time have passed since the files of a folder were touched."""
    for file in folder.glob("*.held-*"):
        then = file.stat().st_mtime - seconds
        os.utime(file, (then, then))


def test_a_claimed_file_is_nobody_elses_while_its_lease_runs(make_broker, tmp_path):
    broker, other = make_broker(), make_broker()
    publish(broker, message("a"))
    token = claim_one(broker).token

    age(tmp_path, 8)
    broker.renew()
    age(tmp_path, 8)

    assert claim(other) == []
    assert broker.settle([(token, DONE)]) == [True]
    assert list(tmp_path.glob("*.msg*")) == []


def test_what_a_dead_worker_held_is_claimed_by_another(make_broker, tmp_path):
    broker, other = make_broker(), make_broker()
    publish(broker, *messages(2))
    claim(broker)

    age(tmp_path, 11)

    found = claim(other)
    assert ids(found) == ["m000", "m001"]
    assert {delivery.redelivered for delivery in found} == {True}


def test_what_is_requeued_stands_where_it_stood(make_broker):
    broker = make_broker()
    publish(broker, *messages(3))
    first = claim(broker, limit=1)[0]

    broker.settle([(first.token, REQUEUE)])

    assert ids(claim(broker)) == ["m000", "m001", "m002"]


def test_what_is_never_repeated_leaves_its_folder_when_it_starts(make_broker, tmp_path):
    broker, other = make_broker(), make_broker()
    publish(broker, message("a"))
    token = claim_one(broker).token

    broker.mark_started([token], {token})

    assert list(tmp_path.glob("*.msg*")) == []
    assert claim(other) == []
    assert broker.settle([(token, DONE)]) == [True]


def test_a_transport_whose_library_is_missing_says_what_to_install():
    with pytest.raises(ImproperlyConfigured, match=r"zookeeper://… needs kazoo.*kombu\[zookeeper"):
        VirtualStore.from_url("zookeeper://localhost", clock=VirtualClock())
