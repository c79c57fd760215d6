"""How chords are kept on Redis, for whom, and what they cost."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.adapters.redis.store import RedisStore
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.canvas.chords import ChordGrowth, ChordOpening, ChordPart
from celeriac.domain.errors import BackendGetMetaError
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.work.settlement import REQUEUE, Settlement
from celeriac.entrypoints.codecs import find_compressor, find_serializer
from tests.contracts.samples import (
    JOBS,
    claim,
    claim_one,
    contribution,
    later,
    message,
    part,
    payload,
    publish,
)

from .places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

PICKLE = "application/x-python-serialize"


def kept(place, results, group="g"):
    """The key of a group, and the endings of what stands beside it."""
    key = results.group_key(group)
    found = place.client.scan_iter(f"{key}*", count=1000)
    return key, sorted(name.decode().removeprefix(key) for name in found)


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("w@host", lease=10)
    return broker


# -- layout


def test_parts_stand_where_celery_puts_them(place):
    results = place.results()
    results.open_chords([ChordOpening("g", 3)])
    results.grow_chords([ChordGrowth("g", 1, "x")])
    results.count_parts([part("b", 7, size=None), part("a", None, size=None, state="FAILURE")])
    key, endings = kept(place, results)

    assert endings == [".d", ".j", ".s", ".t"]
    assert (place.client.get(f"{key}.s"), place.client.get(f"{key}.t")) == (b"3", b"1")
    assert place.client.zrange(f"{key}.j", 0, -1, withscores=True) == [
        (b'[1, "b", "SUCCESS", "b"]', 7.0),
        (b'[1, "a", "FAILURE", "a"]', float("inf")),
    ]
    assert {b"b:7", b"a:+inf"} < place.client.smembers(f"{key}.d")


def test_a_closed_chord_leaves_celerys_mark_and_nothing_else(place):
    results = place.results()
    results.count_parts([part("a", size=1)])

    results.close_chords(["g"])

    key, endings = kept(place, results)
    assert (endings, place.client.get(f"{key}.c")) == ([".c"], b"done")


@pytest.mark.parametrize(
    ("expires", "chord_expires", "parts", "mark"),
    [
        (60, None, 60, 300),
        (60, 20, 20, 300),
        (1000, 20, 20, 1000),
        (1000, 2000, 2000, 2000),
        (None, 20, 20, 86400),
        (None, None, -1, 86400),
    ],
)
def test_parts_and_marks_expire_by_themselves(place, expires, chord_expires, parts, mark):
    store = place._store(host_time=True)
    with closing(RedisResults(store, expires=expires, chord_expires=chord_expires)) as results:
        results.open_chords([ChordOpening("g", 2)])
        results.grow_chords([ChordGrowth("g", 1, "x")])
        results.count_parts([part("a", size=None)])
        key = results.group_key("g")
        left = [place.client.ttl(f"{key}{ending}") for ending in (".j", ".t", ".s", ".d")]
        results.close_chords(["g"])

        assert all(parts - 5 < seconds <= parts for seconds in left) or left == [parts] * 4
        assert mark - 5 < place.client.ttl(f"{key}.c") <= mark


def test_a_saved_group_lives_as_long_as_its_chord(place):
    with closing(RedisResults(place._store(host_time=True), expires=1000)) as results:
        place.client.set(results.group_key("g"), b"{}", ex=5)

        results.count_parts([part("a")])

        assert 990 < place.client.ttl(results.group_key("g")) <= 1000


def test_parts_may_stand_in_the_order_in_which_they_came(place):
    results = RedisResults(place._store(host_time=True), chords_ordered=False)

    counts = results.count_parts([part("b", 1), part("a", 0), part("b", 1)])

    assert [count.counted for count in counts] == [1, 2, 2]
    assert [one.task_id for one in results.fetch_parts("g")] == ["b", "a"]
    # Who keeps them in order goes on with what there is.
    assert place.results().count_parts([part("c", 2)])[0].counted == 3


@pytest.mark.parametrize("compression", [None, "application/x-gzip"])
def test_results_that_are_no_json_are_kept_with_their_serializer(place, compression):
    codec = SerializerCodec(find_serializer, "pickle", {"pickle"}, find_compressor)
    results = RedisResults(
        place._store(host_time=True),
        content_type=PICKLE,
        content_encoding="binary",
        codec=codec,
    )
    encoded = codec.encode({1, 2}, compression=compression and "gzip")

    results.count_parts([ChordPart("g", "a", 0, 1, "SUCCESS", encoded)])

    (found,) = results.fetch_parts("g")
    assert (found.task_id, found.index, found.state) == ("a", 0, "SUCCESS")
    assert codec.decode(found.result) == {1, 2}


def test_a_payload_in_another_serializer_is_read_as_it_was_written(place):
    binary = Payload(bytes(range(256)), PICKLE, "binary")
    results = place.results()

    results.count_parts([ChordPart("g", "a", 0, 1, "SUCCESS", binary)])

    assert [one.result for one in results.fetch_parts("g")] == [binary]


@pytest.mark.parametrize("junk", [b"\x00 no part", b"[1, 2", b"[1]", b'[1, "a", "SUCCESS", 5] 6'])
def test_what_is_no_part_is_named(place, junk):
    results = place.results()
    key = f"{results.group_key('g')}.j"
    place.client.zadd(key, {junk: 0})

    with pytest.raises(BackendGetMetaError, match=key):
        results.fetch_parts("g")


# -- who is told


def test_only_the_one_whose_part_was_told_is_told_again_until_its_claim_expires(place):
    first, second = place.results(), place.results()
    assert first.count_parts([part("a"), part("b", 1)])[1].due

    assert not second.count_parts([part("a")])[0].due
    # Its worker has died, and the message came to another one.
    assert second.count_parts([part("b", 1)])[0].due

    key = f"{first.group_key('g')}.c"
    assert 0 < place.client.ttl(key) <= 10
    place.client.delete(key)
    assert second.count_parts([part("a")])[0].due


def test_a_failed_chord_of_celerys_is_not_completed_by_a_part_that_comes_again(place):
    results = place.results()
    results.count_parts([part("a"), part("b", 1)])
    key = results.group_key("g")
    # What Celery does when it has called the errbacks.
    place.client.delete(f"{key}.s", f"{key}.c")

    assert not results.count_parts([part("b", 1)])[0].due


def test_a_part_that_an_older_celery_counted_is_not_counted_again(place):
    results = place.results()
    place.client.zadd(f"{results.group_key('g')}.j", {b'[1, "a", "SUCCESS", "a"]': 0})

    assert [count.counted for count in results.count_parts([part("a"), part("b", 1)])] == [1, 2]


# -- the completion


def test_a_completion_never_stands_in_a_list_that_celerys_workers_look_at(place, broker):
    settler = RedisSettler(broker, place.results())
    publish(broker, message("a"))
    last = contribution("a", size=1, queue=JOBS)

    settler.settle([Settlement(claim_one(broker).token, parts=(last,))])

    def in_kombus_lists():
        keys = place.client.scan_iter(f"{place.prefix}{JOBS}*", _type="LIST")
        return sum(place.client.llen(key) for key in keys)

    assert (broker.depth([JOBS]), in_kombus_lists()) == ({JOBS: 1}, 0)
    broker.settle([(claim_one(broker).token, REQUEUE)])
    assert (broker.depth([JOBS]), in_kombus_lists()) == ({JOBS: 1}, 0)
    assert place.client.get(f"{place.results().group_key('g')}.c") == b"done"


def test_a_completion_comes_before_what_waits_and_may_wait_for_its_time(place, broker):
    completion = contribution("a", queue=JOBS).completion
    publish(broker, message("x"), replace(completion, eta=later(place, 5)), completion)

    served = [claim(broker, JOBS, limit=1)[0].message for _ in range(2)]
    place.advance(6)

    assert served == [completion, message("x")]
    assert claim_one(broker, JOBS).message.task == completion.task


# -- cost


class CountedStore(RedisStore):
    """A store that counts round trips, and the bytes of their answers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.done = Counter()

    def do(self, work, **kwargs):
        answer = super().do(work, **kwargs)
        self.done.update(trips=1, answered=len(repr(answer)))
        return answer


def test_a_batch_of_parts_costs_the_same_however_many_were_counted_before(place):
    options = {"global_keyprefix": place.prefix}
    store = CountedStore(place.url, clock=SystemClock(), options=options)
    results, size, at_once = RedisResults(store), 20_000, 500
    told, trips = 0, []

    for begin in range(0, size, at_once):
        batch = [part(f"t{n:05}", n, size=size) for n in range(begin, begin + at_once)]
        told += sum(count.due for count in results.count_parts(batch))
        trips.append(store.done["trips"])
        # Three short numbers for each part.
        assert store.done["answered"] < 40 * at_once
        store.done.clear()

    assert told == 1
    assert trips == [1] * (size // at_once)
    assert len(results.fetch_parts("g")) == size
    assert store.done["trips"] <= 3
    store.close()


def test_counting_is_of_one_task_whatever_its_result(place):
    results = place.results()

    counts = results.count_parts(
        [
            ChordPart("g", "a", 0, 3, "SUCCESS", payload("first")),
            ChordPart("g", "a", 0, 3, "FAILURE", payload("second")),
            ChordPart("g", "a", 5, 3, "SUCCESS", payload("third")),
        ]
    )

    assert [count.counted for count in counts] == [1, 1, 1]
