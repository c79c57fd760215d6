"""Sending: what is published, retried and refused."""

from datetime import timedelta

import pytest

from celeriac.adapters.memory import MemoryBroker, SeededEntropy
from celeriac.application.send import Sending
from celeriac.domain.errors import BrokerUnavailable, UnserializableArguments
from celeriac.domain.messaging.compose import Sender
from celeriac.domain.messaging.routing import Router

POLICY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}


class ShakyBroker(MemoryBroker):
    """Is away for as many publications as it is told, each of which takes a while."""

    def __init__(self, store, clock, failures, seconds=0.0):
        super().__init__(store)
        self.failures, self.seconds, self.clock = failures, seconds, clock
        self.deadlines: list[float] = []

    def publish(self, messages, *, deadline, within=None):
        self.deadlines.append(deadline)
        if self.failures:
            self.failures -= 1
            self.clock.advance(self.seconds)
            raise BrokerUnavailable("away")
        super().publish(messages, deadline=deadline, within=within)


def sending(broker, clock, codec, deadline=5.0):
    sender = Sender(Router(), codec, origin="gen1@host")
    return Sending(lambda: broker, sender, clock, SeededEntropy(1), deadline)


def test_a_call_becomes_a_message_that_the_broker_keeps(broker, clock, codec):
    sends = sending(broker, clock, codec)

    message = sends.message("shop.add", (1,), {"y": 2}, {"countdown": 60})
    sends.publish([message])

    assert broker.depth(["celery"]) == {"celery": 1}
    assert message.body == (
        b'[[1], {"y": 2}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    )
    assert message.eta == clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("args", "kwargs", "name", "kind"),
    [((1, {2}), {}, "1", "set"), ((1,), {"lock": object()}, "lock", "object")],
)
def test_the_argument_that_cannot_be_encoded_is_named(
    broker, clock, codec, args, kwargs, name, kind
):
    with pytest.raises(UnserializableArguments) as refused:
        sending(broker, clock, codec).message("shop.add", args, kwargs, {})

    assert refused.value.argument == name
    assert f"argument {name} ({kind}) cannot be serialized as json" in str(refused.value)


def test_nothing_to_publish_is_not_published(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=1)

    sending(broker, clock, codec).publish([], retry=POLICY)

    assert broker.deadlines == []


def test_a_publication_is_tried_again_as_the_policy_says(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=3)
    sends = sending(broker, clock, codec)

    sends.publish([sends.message("shop.add", (), {}, {})], retry=POLICY)

    assert broker.depth(["celery"]) == {"celery": 1}
    assert clock.monotonic() == pytest.approx(0 + 0.2 + 0.4)
    assert broker.deadlines == pytest.approx([5, 5, 4.8, 4.4])


def test_after_the_last_attempt_the_caller_is_told(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=9)
    sends = sending(broker, clock, codec)

    with pytest.raises(BrokerUnavailable, match="away"):
        sends.publish([sends.message("shop.add", (), {}, {})], retry=POLICY)

    assert len(broker.deadlines) == 4


def test_all_attempts_together_keep_the_deadline(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=99, seconds=2.0)
    sends = sending(broker, clock, codec)

    with pytest.raises(BrokerUnavailable):
        sends.publish([sends.message("shop.add", (), {}, {})], retry={"max_retries": None})

    assert clock.monotonic() < 6.5
    assert len(broker.deadlines) == 3


def test_without_a_policy_there_is_one_attempt(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=1)
    sends = sending(broker, clock, codec)

    with pytest.raises(BrokerUnavailable):
        sends.publish([sends.message("shop.add", (), {}, {})])

    assert broker.depth(["celery"]) == {"celery": 0}


def test_within_a_transaction_nothing_is_tried_twice(store, clock, codec):
    broker = ShakyBroker(store, clock, failures=1)
    sends = sending(broker, clock, codec)

    with pytest.raises(BrokerUnavailable):
        sends.publish([sends.message("shop.add", (), {}, {})], retry=POLICY, within=object())

    assert len(broker.deadlines) == 1
