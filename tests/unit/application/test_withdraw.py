"""A client ends tasks that wait: as an owner for a moment, in few steps, or not at all."""

from __future__ import annotations

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker
from celeriac.adapters.memory.settler import MemorySettler
from celeriac.application.run_task import RunSettings, TaskRunner
from celeriac.application.withdraw import AT_ONCE, Withdrawal
from celeriac.domain.errors import BackendUnavailable
from celeriac.domain.tasks import states
from celeriac.ports.settler import Settler
from tests.contracts.samples import JOBS, SOON, ids, messages


class Counting(MemoryBroker):
    """A broker that notes what it was asked."""

    def __init__(self, store):
        super().__init__(store)
        self.asked = []

    def enlist(self, node, lease):
        self.asked.append("enlist")
        super().enlist(node, lease)

    def seize(self, task_ids):
        self.asked.append("seize")
        return super().seize(task_ids)

    def leave(self):
        self.asked.append("leave")
        super().leave()


class Away(Settler):
    """A settler whose store is away."""

    @property
    def atomic(self):
        return True

    def settle(self, settlements):
        raise BackendUnavailable("away")


@pytest.fixture
def withdrawal(store, codec, results, clock):
    settings = RunSettings("me@host")
    app = Celeriac("shop", broker=MemoryBroker(store), backend=results, set_as_current=False)
    runner = TaskRunner(app.tasks.get, codec, lambda: app.sending, clock, settings)

    def make(broker, settler=None):
        settler = settler or MemorySettler(broker, results)
        return Withdrawal("me@host", broker, settler, results, runner, clock)

    yield make
    app.close()


def test_a_thousand_tasks_are_ended_in_one_step(store, results, withdrawal):
    broker = Counting(store)
    sent = messages(AT_ONCE + 1)
    broker.publish(sent, deadline=SOON)

    withdrawal(broker).withdraw([one.id for one in sent[1:]])

    assert broker.asked == ["enlist", "seize", "leave"]
    assert ids(broker.peek(JOBS, 9)) == [sent[0].id]
    records = results.fetch([one.id for one in sent])
    assert {record.state for record in records if record} == {states.REVOKED}


def test_what_cannot_be_settled_waits_again_where_it_was(store, withdrawal):
    broker = Counting(store)
    broker.publish(messages(3), deadline=SOON)

    with pytest.raises(BackendUnavailable):
        withdrawal(broker, Away()).withdraw(["m000", "m001"])

    assert broker.asked == ["enlist", "seize", "leave"]
    assert ids(broker.peek(JOBS, 9)) == ["m000", "m001", "m002"]


def test_nothing_that_waits_is_nothing_to_settle(store, withdrawal):
    broker = Counting(store)

    withdrawal(broker, Away()).withdraw(["unheard"])

    assert broker.asked == ["enlist", "seize", "leave"]
