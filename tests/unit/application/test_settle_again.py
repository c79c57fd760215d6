"""A settlement that is tried again: what was published once is not published each time."""

from collections.abc import Sequence

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryResults
from celeriac.application.settle import SeparateSettler
from celeriac.domain.errors import BackendUnavailable
from celeriac.domain.messaging.delivery import Delivery
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import DONE, REQUEUE, Disposition, Settlement


class ResultsAway(MemoryResults):
    """A result store that is away until it is told to be back."""

    away = True

    def store(self, records: Sequence[ResultRecord]) -> None:
        if self.away:
            raise BackendUnavailable("away")
        super().store(records)


def claimed(broker: MemoryBroker) -> Delivery:
    (delivery,) = broker.claim(["work"], 1, 0.0)
    assert isinstance(delivery, Delivery)
    return delivery


def settlement(delivery: Delivery, disposition: Disposition = DONE) -> Settlement:
    record = ResultRecord(delivery.message.id, "SUCCESS")
    follow_up = TaskMessage("next", "shop.next", b"", queue="follow-ups")
    return Settlement(delivery.token, disposition, (record,), (follow_up,))


def test_a_long_absence_of_the_result_store_doubles_no_follow_up():
    broker, results = MemoryBroker(), ResultsAway()
    settler = SeparateSettler(broker, results, deadline=1.0)
    broker.enlist("w1", 15.0)
    broker.publish([TaskMessage("id-1", "shop.add", b"", queue="work")], deadline=1.0)
    batch = [settlement(claimed(broker))]
    for _ in range(3):
        with pytest.raises(BackendUnavailable):
            settler.settle(batch)

    results.away = False
    committed = settler.settle(batch)

    assert committed == [True]
    assert broker.depth(["work", "follow-ups"]) == {"work": 0, "follow-ups": 1}


def test_a_delivery_that_came_back_publishes_anew():
    broker, results = MemoryBroker(), ResultsAway()
    results.away = False
    settler = SeparateSettler(broker, results, deadline=1.0)
    broker.enlist("w1", 15.0)
    broker.publish([TaskMessage("id-1", "shop.add", b"", queue="work")], deadline=1.0)

    settler.settle([settlement(claimed(broker), REQUEUE)])
    settler.settle([settlement(claimed(broker))])

    assert broker.depth(["work", "follow-ups"]) == {"work": 0, "follow-ups": 2}
