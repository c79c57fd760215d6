"""Messages in lists that kombu, and with it Celery, reads and writes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from celeriac.domain.messaging.delivery import Undecodable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.domain.tasks.builtin_names import OURS_ALONE
from celeriac.domain.work.settlement import DONE, REQUEUE, Requeue
from tests.contracts.samples import JOBS, claim, claim_one, ids, later, message, publish
from tests.integration.redis.places import empty_place

kombu = pytest.importorskip("kombu")
pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

HEADERS = {"lang": "py", "task": "tasks.add", "id": "k", "retries": 2, "mine": "ä"}


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("first@host", lease=10)
    return broker


@pytest.fixture
def channel(place):
    """A channel of kombu's over the same keys."""
    options = {"global_keyprefix": place.prefix}
    with kombu.Connection(place.url, transport_options=options) as connection:
        yield connection.default_channel


def send_by_kombu(channel, **options):
    producer = kombu.Producer(channel)
    body = [[2, 3], {}, {}]
    producer.publish(body, routing_key=JOBS, serializer="json", headers=HEADERS, **options)


def test_what_kombu_sends_is_claimed(broker, channel):
    send_by_kombu(channel, correlation_id="k", reply_to="r", priority=3)

    delivery = claim_one(broker)

    assert delivery.message == TaskMessage(
        "k",
        "tasks.add",
        b"[[2, 3], {}, {}]",
        queue=JOBS,
        routing_key=JOBS,
        priority=3,
        headers={"retries": 2, "mine": "ä"},
        properties={"reply_to": "r"},
    )


def test_what_is_published_is_read_by_kombu(place, broker, channel):
    sent = message(
        "a", headers={"retries": 1}, properties={"reply_to": "r"}, expires=later(place, 60)
    )
    publish(broker, sent)

    got = kombu.Queue(JOBS, channel=channel).get()

    assert got.decode() == [["a"], {}, {}]
    assert got.headers["task"] == "tasks.add"
    assert got.headers["id"] == got.properties["correlation_id"] == "a"
    assert got.headers["retries"] == 1
    assert got.headers["timelimit"] == [None, None]
    assert got.headers["expires"] == "2026-01-01T12:01:00+00:00"
    assert got.properties["reply_to"] == "r"
    assert got.delivery_info == {"exchange": "", "routing_key": JOBS}
    got.ack()
    assert broker.depth([JOBS]) == {JOBS: 0}


def test_what_was_given_back_is_read_by_kombu_and_comes_first(broker, channel):
    publish(broker, message("a"), message("b"))
    first, _ = claim(broker)
    broker.settle([(first.token, Requeue(crashed=True))])

    got = kombu.Queue(JOBS, channel=channel).get()

    assert got.headers["id"] == "a"


def test_crashes_are_known_after_many_ends(broker):
    publish(broker, message("a"))
    for disposition in (Requeue(crashed=True), REQUEUE, Requeue(crashed=True)):
        broker.settle([(claim_one(broker).token, disposition)])

    delivery = claim_one(broker)

    assert (delivery.crashes, delivery.redelivered) == (2, True)
    assert delivery.message == message("a")


@pytest.mark.parametrize(
    ("priority", "suffix"),
    [(0, ""), (2, ""), (3, "\x06\x163"), (8, "\x06\x166"), (255, "\x06\x169")],
)
def test_a_priority_chooses_kombus_list(place, broker, priority, suffix):
    publish(broker, message("a", priority=priority))

    assert place.client.llen(f"{place.prefix}{JOBS}{suffix}") == 1


def test_smaller_priorities_are_served_first_as_celery_does_on_redis(broker):
    publish(broker, *(message(f"p{number}", priority=number) for number in (9, 6, 0, 3)))

    assert ids(broker.peek(JOBS, 10)) == ["p0", "p3", "p6", "p9"]
    assert ids(claim(broker)) == ["p0", "p3", "p6", "p9"]


def test_a_parked_message_comes_to_the_list_of_its_priority(place, broker):
    publish(
        broker, message("a", priority=6, eta=later(place, 5)), message("b", eta=later(place, 5))
    )
    place.advance(6)

    assert ids(claim(broker)) == ["b", "a"]


def test_kombus_bindings_lead_our_messages(broker, channel):
    news = kombu.Exchange("news", "topic")
    kombu.Queue("uk", news, "uk.*", channel=channel).declare()
    kombu.Queue("new", kombu.Exchange("orders"), "order.new", channel=channel).declare()

    publish(broker, TaskMessage("a", "tasks.add", b"", exchange="news", routing_key="uk.sport"))
    publish(broker, TaskMessage("b", "tasks.add", b"", exchange="orders", routing_key="order.new"))

    assert [(one.message.id, one.queue) for one in claim(broker, "uk", "new")] == [
        ("a", "uk"),
        ("b", "new"),
    ]


def test_bindings_are_written_as_kombu_writes_them(place, broker, channel):
    news = kombu.Exchange("news", "topic")
    for key in ("a.#.b.*", "#", "uk.sport"):
        kombu.Queue("q", news, key, channel=channel).declare()
    table, permanent = (
        f"{place.prefix}_kombu.{name}.news" for name in ("binding", "binding_permanent")
    )
    kombus = place.client.smembers(table)
    place.client.delete(table, permanent)

    broker.declare(
        [Queue("q", Exchange("news", "topic"), key) for key in ("a.#.b.*", "#", "uk.sport")]
    )

    assert place.client.smembers(table) == kombus
    assert place.client.smembers(permanent) == kombus


GARBAGE = {
    "no json": b"\x00\xff",
    "nothing": b"",
    "no object": b"[1, 2]",
    "an open brace": b"{",
    "an empty object": b"{}",
    "no properties": b'{"body": "", "headers": {}}',
    "headers of another kind": b'{"body": "", "headers": [], "properties": {}}',
    "a body that is no base64": (
        b'{"body": "%", "headers": {"task": "t", "id": "i"},'
        b' "properties": {"body_encoding": "base64"}}'
    ),
    "a place of another kind": (
        b'{"body": "", "headers": {"task": "t", "id": "i"}, "properties": {"delivery_info": 3}}'
    ),
    "deep": b"[" * 100_000,
}


EXPIRING = {"routing_key": "fresh", "arguments": {"x-expires": 60_000}}


def test_a_queue_that_expires_is_bound_until_a_time_as_by_kombu(place, broker, channel):
    kombus = kombu.Queue("theirs", kombu.Exchange("theirs"), "fresh", expires=60, channel=channel)
    kombus.declare()
    broker.declare([Queue("ours", Exchange("ours", "direct"), **EXPIRING)])

    deadlines = f"{place.prefix}_kombu.binding_deadlines"
    theirs = place.client.zscore(deadlines, "theirs") - 1000 * place.client.time()[0]
    ours = place.client.zscore(deadlines, "ours") - 1000 * place.clock.now().timestamp()

    assert ours == pytest.approx(theirs, abs=5000)
    assert place.client.exists(f"{place.prefix}_kombu.binding.ours") == 1
    assert place.client.exists(f"{place.prefix}_kombu.binding_permanent.ours") == 0


def test_the_binding_of_a_queue_that_expires_is_renewed_by_who_serves_it(place, broker):
    broker.declare([Queue("ours", Exchange("ours", "direct"), **EXPIRING)])
    place.client.delete(f"{place.prefix}_kombu.binding.ours")
    place.advance(1300)
    broker.enlist("first@host", lease=10)

    broker.recover(["ours"])

    assert place.client.exists(f"{place.prefix}_kombu.binding.ours") == 1


def test_a_queue_that_expires_lives_on_when_it_is_used(place, broker):
    broker.declare([Queue("ours", Exchange("ours", "direct"), **EXPIRING)])

    publish(broker, message("a", queue="ours"))

    assert 50_000 < place.client.pttl(f"{place.prefix}ours") <= 60_000
    assert place.client.pttl(f"{place.prefix}celeriac.queues") == -1


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_claimed_as_such_and_given_back_as_it_was(place, broker, raw):
    place.client.lpush(place.prefix + JOBS, raw)
    first = claim_one(broker)
    broker.settle([(first.token, REQUEUE)])

    again = claim_one(broker)

    assert isinstance(again, Undecodable)
    assert (first.raw, again.raw) == (raw, raw)
    assert broker.settle([(again.token, DONE)]) == [True]


def test_nothing_is_left_of_what_is_done(place, broker):
    publish(broker, message("a"))
    broker.settle([(claim_one(broker).token, DONE)])
    broker.leave()

    kept = {
        key.decode().removeprefix(place.prefix)
        for key in place.client.scan_iter(f"{place.prefix}*")
    }

    ours = {"celeriac.count", "celeriac.enlisted", "celeriac.queues", "{jobs}celeriac.bell"}
    assert kept == ours


def test_a_message_pushed_without_a_bell_is_seen_soon(place):
    worker = place.broker(host_time=True)
    worker.enlist("w@host", lease=60)
    publish(worker, message("a"))
    (raw,) = place.client.lrange(place.prefix + JOBS, 0, -1)
    claim_one(worker)
    claim(worker)
    place.client.lpush(place.prefix + JOBS, json.dumps(json.loads(raw)))

    assert ids(worker.claim([JOBS], 10, wait=20)) == ["a"]


@pytest.mark.parametrize("task", sorted(OURS_ALONE))
def test_what_celerys_workers_do_not_know_is_out_of_their_sight(place, broker, task):
    publish(broker, replace(message("a"), task=task))

    assert stands_in(place) == (0, 0)
    assert claim_one(broker).message.task == task


def stands_in(place, queue=JOBS):
    """Return how many messages are ready and parked in a queue."""
    own = f"{place.prefix}{{{queue}}}celeriac.parked"
    return place.client.llen(f"{place.prefix}{queue}"), place.client.zcard(own)


def test_what_is_not_due_waits_where_celery_looks_unless_a_worker_of_ours_looks(place):
    worker, sender = place.broker(), place.broker()
    publish(sender, message("a", eta=later(place, 60)))
    assert stands_in(place) == (1, 0)

    worker.enlist("w@host", lease=10)
    publish(sender, message("b", eta=later(place, 60)))  # it may be about to look at any
    assert stands_in(place) == (1, 1)

    assert ids(claim(worker, "others")) == []
    publish(sender, message("c", eta=later(place, 60)))
    publish(sender, message("d", "others", eta=later(place, 60)))
    assert (stands_in(place), stands_in(place, "others")) == ((2, 1), (0, 1))

    place.clock.advance(11)  # its lease is over
    publish(sender, message("e", "others", eta=later(place, 60)))
    assert stands_in(place, "others") == (1, 1)
