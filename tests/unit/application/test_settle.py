"""Settling into two stores, into none for results, and into one that refuses."""

from dataclasses import replace

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemorySettler, MemoryStore
from celeriac.application.refusals import SettlementMender
from celeriac.application.settle import ResultlessSettler, SeparateSettler
from celeriac.domain.errors import BackendUnavailable, SettlementRefused
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import DONE, Settlement


def message(task_id, **fields):
    return TaskMessage(task_id, "shop.add", b"[[], {}, {}]", **{"queue": "q", **fields})


def record(task_id, data=b'"done"', state="SUCCESS"):
    return ResultRecord(task_id, state, Payload(data))


def mend(record, why):
    return replace(record, state="FAILURE", result=Payload(why.encode()))


@pytest.fixture
def far(clock):
    """Results in a store of their own that takes ten bytes."""
    return MemoryResults(MemoryStore(clock), max_bytes=10)


def deliveries(broker, *ids):
    broker.publish([message(task_id) for task_id in ids], deadline=1)
    return broker.claim(["q"], len(ids), 0)


def state(results, *ids):
    return [found and (found.state, found.result.data) for found in results.fetch(ids)]


class Calls:
    """Two stores that note in which order they are asked, and fail when they are told to."""

    def __init__(self, broker, results, fail=""):
        self.asked, self.fail = [], fail
        self._broker, self._results = broker, results
        self.capabilities = results.capabilities

    def __getattr__(self, name):
        self.asked.append(name)
        if name == self.fail:
            self.fail = ""
            raise BackendUnavailable("away")
        owner = self._results if name in ("store", "count_parts") else self._broker
        return getattr(owner, name)


def test_a_delivery_is_acknowledged_only_after_all_it_promised(broker, far):
    (delivery,) = deliveries(broker, "a")
    calls = Calls(broker, far)

    committed = SeparateSettler(calls, calls, 5.0).settle(
        [Settlement(delivery.token, DONE, (record("a"),), (message("b"),))]
    )

    assert committed == [True]
    assert calls.asked == ["publish", "store", "settle"]
    assert broker.depth(["q"]) == {"q": 1}
    assert state(far, "a") == [("SUCCESS", b'"done"')]


def test_what_failed_half_way_is_mended_by_settling_again(broker, far):
    (delivery,) = deliveries(broker, "a")
    settler = SeparateSettler(calls := Calls(broker, far, fail="store"), calls, 5.0)
    settlement = Settlement(delivery.token, DONE, (record("a"),))

    with pytest.raises(BackendUnavailable):
        settler.settle([settlement])
    committed = settler.settle([settlement])

    assert committed == [True]
    assert state(far, "a") == [("SUCCESS", b'"done"')]


def test_too_large_a_result_is_refused_before_anything_is_sent(broker, far):
    one, two = deliveries(broker, "a", "b")
    settler = SeparateSettler(broker, far, 5.0)

    with pytest.raises(SettlementRefused, match="12 bytes") as refused:
        settler.settle(
            [
                Settlement(one.token, DONE, (record("a"),), (message("next"),)),
                Settlement(two.token, DONE, (record("b", b"x" * 12),)),
            ]
        )

    assert refused.value.index == 1
    assert broker.depth(["q"]) == {"q": 0}


def test_a_message_that_leads_nowhere_is_refused_with_its_batch(broker, far):
    one, two = deliveries(broker, "a", "b")
    lost = message("next", queue="", exchange="nowhere", routing_key="x")

    with pytest.raises(SettlementRefused, match="nowhere") as refused:
        SeparateSettler(broker, far, 5.0).settle(
            [Settlement(one.token), Settlement(two.token, DONE, (record("b"),), (lost,))]
        )

    assert refused.value.index == 1
    assert state(far, "b") == [None]


def test_where_no_results_are_kept_the_rest_is_settled_in_one_step(broker, results):
    (delivery,) = deliveries(broker, "a")
    settler = ResultlessSettler(MemorySettler(broker, results))

    committed = settler.settle(
        [Settlement(delivery.token, DONE, (record("a"),), (message("next"),))]
    )

    assert (committed, settler.atomic) == ([True], True)
    assert broker.depth(["q"]) == {"q": 1}
    assert state(results, "a") == [None]


def test_one_refused_result_costs_the_others_nothing(broker, store):
    small = MemoryResults(store, max_bytes=200)
    one, two, three = deliveries(broker, "a", "b", "c")
    mender = SettlementMender(MemorySettler(broker, small), mend)

    committed = mender.settle(
        [
            Settlement(one.token, DONE, (record("a"),), (message("after-a"),)),
            Settlement(two.token, DONE, (record("b", b"x" * 201),), (message("after-b"),)),
            Settlement(three.token, DONE, (record("c"),), (message("after-c"),)),
        ]
    )

    assert committed == [True, True, True]
    a, (kind, told), c = state(small, "a", "b", "c")
    assert (a, c) == (("SUCCESS", b'"done"'), ("SUCCESS", b'"done"'))
    assert kind == "FAILURE"
    assert told.startswith(b"the result of task b takes 201 bytes")
    assert [sent.id for sent in broker.peek("q", 9)] == ["after-a", "after-c"]


def test_a_failure_that_is_refused_too_leaves_no_result_but_ends_the_delivery(broker, store):
    tiny = MemoryResults(store, max_bytes=8)
    (delivery,) = deliveries(broker, "a")
    mender = SettlementMender(MemorySettler(broker, tiny), mend)

    committed = mender.settle([Settlement(delivery.token, DONE, (record("a", b"x" * 9),))])

    assert committed == [True]
    assert state(tiny, "a") == [None]
    assert broker.mark_started([delivery.token]) == [False]


class Odd(MemorySettler):
    """Chokes on one task's result in a way that nobody foresaw."""

    def settle(self, settlements):
        if any(record.state == "SUCCESS" and record.task_id == "b" for record in _all(settlements)):
            raise TypeError("NUL in text")
        return super().settle(settlements)


def _all(settlements):
    return [record for settlement in settlements for record in settlement.results]


def test_an_unforeseen_error_holds_up_nobody_but_its_task(broker, results):
    one, two = deliveries(broker, "a", "b")

    committed = SettlementMender(Odd(broker, results), mend).settle(
        [
            Settlement(one.token, DONE, (record("a"),)),
            Settlement(two.token, DONE, (record("b"),)),
        ]
    )

    assert committed == [True, True]
    assert state(results, "a", "b") == [("SUCCESS", b'"done"'), ("FAILURE", b"NUL in text")]


class Hopeless(MemorySettler):
    def settle(self, settlements):
        raise TypeError("never")


def test_what_can_never_be_settled_is_left_to_its_lease(broker, results):
    (delivery,) = deliveries(broker, "a")

    committed = SettlementMender(Hopeless(broker, results), mend).settle(
        [Settlement(delivery.token)]
    )

    assert committed == [False]


class Away(MemorySettler):
    def settle(self, settlements):
        raise BackendUnavailable("away")


def test_a_store_that_is_away_is_no_refusal(broker, results):
    (delivery,) = deliveries(broker, "a")

    with pytest.raises(BackendUnavailable):
        SettlementMender(Away(broker, results), mend).settle([Settlement(delivery.token)])


def test_a_separate_settler_says_that_it_is_none_of_one_step():
    store = MemoryStore()

    assert not SeparateSettler(MemoryBroker(store), MemoryResults(store), 5.0).atomic
