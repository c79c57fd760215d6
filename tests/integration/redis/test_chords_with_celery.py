"""A chord of which Celery counts some parts and we others has one body, whoever is last."""

from __future__ import annotations

import gc
import json
import random
from base64 import b64decode
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from celery import Celery, chord, signature
from celery.result import AsyncResult

from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.canvas.chords import ChordGrowth, ChordOpening, ChordPart, Contribution
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.work.settlement import Settlement
from celeriac.entrypoints.codecs import find_serializer
from tests.contracts.samples import at_once, claim, ids, message, publish

from .places import empty_place

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]
__all__ = ["empty_place"]

SIZE = 6
BODIES = "bodies"


class Site:
    """A worker of ours and the backend of a Celery worker, over the same keys."""

    def __init__(self, place, app):
        self.place, self.app = place, app
        self.broker, self.results = place.broker(), place.results()
        self.broker.enlist("w@host", lease=60)
        self.settler = RedisSettler(self.broker, self.results)

    def body(self, group):
        sig = signature("tasks.total", app=self.app, options={"queue": BODIES, "task_id": group})
        sig["chord_size"] = SIZE
        return sig

    def celery_counts(self, number, group="g", state="SUCCESS", result=None):
        """What a Celery worker does when a header task has come to its end."""
        request = SimpleNamespace(
            id=f"t{number}", group=group, group_index=number, chord=dict(self.body(group))
        )
        value = number * 10 if result is None else result
        self.app.backend.on_chord_part_return(request, state, value)

    def we_count(self, number, group="g", state="SUCCESS", size=SIZE, grows=()):
        """What our worker does then; the delivery is that of the header task."""
        queue = f"ours-{group}-{number}"
        publish(self.broker, message(f"t{number}", queue))
        (delivery,) = claim(self.broker, queue)
        value = Payload(str(number * 10).encode())
        if state == "FAILURE":
            said = {"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}
            value = Payload(json.dumps(said).encode())
        part = ChordPart(group, f"t{number}", number, size, state, value)
        join = message(f"join-{group}", "ours")
        join = replace(join, task=JOIN_CHORD)
        self.settler.settle(
            [Settlement(delivery.token, parts=(Contribution(part, join),), grows=grows)]
        )

    def we_join(self):
        """What our worker does with completions; returns of which groups there were some."""
        joined = []
        for delivery in claim(self.broker, "ours"):
            group = delivery.message.id.removeprefix("join-")
            joined.append(group)
            values = [json.loads(part.result.data) for part in self.results.fetch_parts(group)]
            body = json.dumps([[values], {}, {}]).encode()
            sent = replace(message(group, BODIES), body=body)
            self.settler.settle([Settlement(delivery.token, publish=(sent,), closes=(group,))])
        return joined

    def bodies(self):
        """The bodies that were sent, by their group, with the list that each is called with."""
        return [(sent.id, json.loads(sent.body)[0][0]) for sent in self.broker.peek(BODIES, 1000)]


@pytest.fixture
def site(place):
    options = {"global_keyprefix": place.prefix}
    app = Celery(broker=place.url, backend=place.url, set_as_current=False)
    app.conf.update(broker_transport_options=options, result_backend_transport_options=options)
    yield Site(place, app)
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()
    app.close()
    # Celery's backend and pools are part of cycles, and some of them hold sockets.
    del app
    gc.collect()


ALL = [number * 10 for number in range(SIZE)]


@pytest.mark.parametrize("opened_by", ["celery", "us", "parts"])
@pytest.mark.parametrize("last", ["celery", "us"])
def test_the_body_is_sent_once_whoever_counts_the_last_part(site, last, opened_by):
    if opened_by == "celery":
        site.app.backend.set_chord_size("g", SIZE)
    elif opened_by == "us":
        site.results.open_chords([ChordOpening("g", SIZE)])
    ways = [site.celery_counts, site.we_count]
    if opened_by != "parts":
        ways[1] = partial(site.we_count, size=None)
    if last == "us":
        ways.reverse()
    # The other one begins: told by nobody else, the size comes with our first part.
    order = [ways[(number + 1) % 2] for number in range(SIZE - 1)] + [ways[0]]
    if opened_by == "parts":
        order[0] = ways[0 if last == "us" else 1]

    for number, count in enumerate(order):
        count(number)
        count(number)

    assert site.we_join() == (["g"] if last == "us" else [])
    assert site.bodies() == [("g", ALL)]
    site.celery_counts(0)
    site.we_count(1)
    assert site.we_join() == []
    assert len(site.bodies()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_of_many_chords_that_both_count_at_once_each_has_one_body(site, seed):
    chance = random.Random(seed)
    groups = [f"g{n}" for n in range(8)]
    for group in groups:
        site.app.backend.set_chord_size(group, SIZE)
    calls = [(number, group) for number in range(SIZE) for group in groups]
    chance.shuffle(calls)
    # Some are counted by both, as after the death of one of them.
    celerys, ours = calls[: len(calls) * 5 // 8], calls[len(calls) * 3 // 8 :]

    at_once(
        [
            lambda: [site.celery_counts(*call) for call in celerys],
            lambda: [site.we_count(*call) for call in ours],
        ]
    )

    site.we_join()
    assert sorted(site.bodies()) == [(group, ALL) for group in groups]


def test_a_chord_sent_by_celery_is_completed_by_us(site):
    header = [signature("tasks.add", (n,), app=site.app).set(queue="header") for n in range(3)]
    body = signature("tasks.total", app=site.app).set(queue=BODIES)
    sent = chord(header, app=site.app)(body)
    settlements = []
    for delivery in claim(site.broker, "header"):
        embedded = json.loads(delivery.message.body)[2]["chord"]
        group, index = delivery.message.group_id, delivery.message.group_index
        part = ChordPart(group, delivery.message.id, index, embedded.get("chord_size"), "SUCCESS")
        completion = message(f"join-{group}", "ours")
        settlements.append(Settlement(delivery.token, parts=(Contribution(part, completion),)))

    assert site.settler.settle(settlements) == [True] * 3

    assert ids(claim(site.broker, "ours")) == [f"join-{sent.parent.id}"]


def test_celery_calls_the_errbacks_of_a_chord_in_which_our_part_failed(site):
    site.app.backend.set_chord_size("g", 2)

    site.we_count(0, state="FAILURE")
    site.celery_counts(1)

    failed = AsyncResult("g", app=site.app)
    assert (failed.state, type(failed.result).__name__) == ("FAILURE", "ChordError")
    assert "ValueError('no')" in str(failed.result)
    assert site.bodies() == []
    # What comes again does not call them again.
    site.we_count(0, state="FAILURE")
    assert site.we_join() == []


def test_we_read_what_failed_at_celerys(site):
    site.app.backend.set_chord_size("g", 2)
    site.celery_counts(1, state="FAILURE", result=ValueError("no"))

    site.we_count(0)

    good, bad = site.results.fetch_parts("g")
    assert (good.index, good.state, bad.index, bad.state) == (0, "SUCCESS", 1, "FAILURE")
    assert json.loads(bad.result.data) == {
        "exc_type": "ValueError",
        "exc_message": ["no"],
        "exc_module": "builtins",
    }


def test_a_chord_to_which_both_add_tasks_waits_for_all(site):
    site.app.backend.set_chord_size("g", 2)
    site.app.backend.add_to_chord("g", None)
    site.we_count(0, grows=(ChordGrowth("g", 1, "added"),))

    site.celery_counts(1)
    site.celery_counts(2)
    assert site.bodies() == []
    site.we_count(3)

    assert site.we_join() == ["g"]
    assert site.bodies() == [("g", [0, 10, 20, 30])]


def test_while_one_of_us_joins_celery_does_not(site):
    site.app.backend.set_chord_size("g", 2)
    told = [ChordPart("g", f"t{n}", n, None, "SUCCESS", Payload(b"1")) for n in range(2)]
    assert site.results.count_parts(told)[1].due

    site.celery_counts(1)
    site.results.close_chords(["g"])
    site.celery_counts(1)

    assert site.bodies() == []


def test_pickled_parts_are_shared_where_both_use_pickle(site, place):
    site.app.conf.update(result_serializer="pickle", result_accept_content=["pickle"])
    site.app.conf.update(task_serializer="pickle")
    codec = SerializerCodec(find_serializer, "pickle", ["pickle"])
    pickled = RedisResults(
        site.results.redis,
        content_type="application/x-python-serialize",
        content_encoding="binary",
        codec=codec,
    )
    site.app.backend.set_chord_size("g", 2)

    pickled.count_parts([ChordPart("g", "t0", 0, None, "SUCCESS", codec.encode({1, 2}))])
    ours = pickled.fetch_parts("g")
    site.celery_counts(1, result={3})

    assert [codec.decode(part.result) for part in ours] == [{1, 2}]
    (raw,) = place.client.lrange(f"{place.prefix}{BODIES}", 0, -1)
    body = b64decode(json.loads(raw)["body"])
    assert find_serializer("pickle").loads(body)[0][0] == [{1, 2}, {3}]
