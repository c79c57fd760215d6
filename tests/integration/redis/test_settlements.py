"""What the Redis settler does beyond the contract."""

from __future__ import annotations

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.adapters.redis.store import RedisStore
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.errors import SettlementRefused
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import Settlement
from celeriac.entrypoints.codecs import find_serializer
from tests.contracts.samples import JOBS, claim, claim_one, message, messages, publish, record
from tests.integration.redis.places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

PICKLE = "application/x-python-serialize"


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("w@host", lease=10)
    return broker


@pytest.fixture
def pickled(place):
    """Results whose documents no script can read."""
    codec = SerializerCodec(find_serializer, "pickle", {"pickle"})
    store = place.results().redis
    return RedisResults(store, content_type=PICKLE, content_encoding="binary", codec=codec)


def pickled_record(codec_of, task_id, state, value):
    return ResultRecord(task_id, state, codec_of.encode(value))


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("STARTED", "SUCCESS", "SUCCESS"),
        ("SUCCESS", "FAILURE", "SUCCESS"),
        ("FAILURE", "STARTED", "FAILURE"),
        ("FAILURE", "SUCCESS", "SUCCESS"),
    ],
)
def test_the_rule_of_states_holds_for_documents_that_no_script_can_read(
    place, broker, pickled, before, after, kept
):
    codec = SerializerCodec(find_serializer, "pickle", {"pickle"})
    publish(broker, message("a"))
    pickled.store([pickled_record(codec, "a", before, "old")])
    settler = RedisSettler(broker, pickled)

    answers = settler.settle(
        [Settlement(claim_one(broker).token, results=(pickled_record(codec, "a", after, "new"),))]
    )

    assert answers == [True]
    (found,) = pickled.fetch(["a"])
    assert (found.state, codec.decode(found.result)) == (kept, "new" if kept == after else "old")


def test_a_document_written_by_garbage_is_replaced(place, broker):
    results = place.results()
    place.client.set(results.task_key("a"), b"\x00 garbage")
    publish(broker, message("a"))

    RedisSettler(broker, results).settle(
        [Settlement(claim_one(broker).token, results=(record("a"),))]
    )

    assert [one.state for one in results.fetch(["a"])] == ["SUCCESS"]


def test_two_databases_are_not_settled_in_one_step(redis_url):
    clock = VirtualClock()
    broker = RedisBroker(RedisStore(redis_url, clock=clock))

    with pytest.raises(ValueError, match="two databases"):
        RedisSettler(broker, RedisResults(RedisStore("redis://elsewhere/1", clock=clock)))


def test_a_result_that_is_too_large_is_refused_by_its_index(place, broker):
    publish(broker, *messages(2))
    good, bad = (one.token for one in claim(broker))
    results = RedisResults(place.results().redis, max_bytes=10)
    large = ResultRecord("bad", "SUCCESS", Payload(b'"' + b"x" * 100 + b'"'))

    with pytest.raises(SettlementRefused) as refusal:
        RedisSettler(broker, results).settle(
            [Settlement(good, results=(record("good"),)), Settlement(bad, results=(large,))]
        )

    assert refusal.value.index == 1
    assert results.fetch(["good", "bad"]) == [None, None]


def test_what_cannot_be_written_as_json_is_refused_by_its_index(broker, place):
    publish(broker, message("a"))
    follower = message("b", headers={"mine": object()})

    with pytest.raises(SettlementRefused, match="plain data"):
        RedisSettler(broker, place.results()).settle(
            [Settlement(claim_one(broker).token, publish=(follower,))]
        )

    assert broker.depth([JOBS]) == {JOBS: 0}


def test_results_are_kept_as_long_as_asked_and_told_on_their_channel(place, broker):
    publish(broker, message("a"))
    results = RedisResults(place.results().redis, expires=60, failure_expires=5)
    ear = place.client.pubsub(ignore_subscribe_messages=True)
    ear.subscribe(results.task_key("a"))
    ear.get_message(timeout=5)

    RedisSettler(broker, results).settle(
        [Settlement(claim_one(broker).token, results=(record("a"),))]
    )

    heard = ear.get_message(timeout=5)
    ear.close()
    assert heard["data"] == results.document(record("a")) == place.client.get(results.task_key("a"))
    assert 0 < place.client.ttl(results.task_key("a")) <= 60


@pytest.mark.parametrize("before", [b"", b"\x00 no document"])
def test_failures_are_kept_for_a_time_of_their_own(place, broker, before):
    publish(broker, message("a"))
    results = RedisResults(place.results().redis, expires=60, failure_expires=1000)
    states = ("SUCCESS", "FAILURE", "REVOKED", "RETRY")
    keys = [results.task_key(state) for state in states]
    if before:
        place.client.mset(dict.fromkeys(keys, before))

    RedisSettler(broker, results).settle(
        [Settlement(claim_one(broker).token, results=[record(state, state) for state in states])]
    )

    left = dict(zip(states, map(place.client.ttl, keys), strict=True))
    assert 60 < left.pop("FAILURE") <= 1000
    assert all(0 < seconds <= 60 for seconds in left.values())
