"""What every broker promises to publishers and operators; workers' part is in test_claims.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from celeriac.domain.errors import NotSupported, QueueNotFound
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.domain.work.settlement import DONE, DeadLetter

from .samples import JOBS, SOON, claim, claim_one, ids, later, message, messages, publish, require

PORT = "broker"


def test_a_broker_tells_where_it_is_without_a_password(place):
    url = place.broker().url

    assert "://" in url
    assert "secret" not in url


def test_opening_and_closing_twice_does_no_harm(place):
    broker = place.broker()

    broker.open()
    broker.open()
    publish(broker, message("a"))
    broker.close()
    broker.close()

    assert place.broker().depth([JOBS]) == {JOBS: 1}


def test_closing_leaves_claims_with_their_owner(place, broker, other):
    require(broker, "leases")
    publish(broker, message("a"))
    claim_one(broker)

    broker.close()

    assert claim(other) == []
    assert other.depth([JOBS]) == {JOBS: 0}


# -- publishing


def test_a_message_arrives_as_it_was_published(place, broker):
    sent = TaskMessage(
        id="a",
        task="tasks.add",
        body=b"\x80\x04\x00\xff any bytes",
        content_type="application/x-python-serialize",
        content_encoding="binary",
        queue=JOBS,
        routing_key=JOBS,
        priority=3,
        expires=later(place, 60),
        headers={"retries": 2, "group": "g", "timelimit": [9.5, None], "mine": {"ä": ["€", None]}},
        properties={"reply_to": "r", "delivery_mode": 1},
    )

    publish(place.broker(), sent)

    delivery = claim_one(broker)
    assert delivery.message == sent
    assert delivery.queue == JOBS
    assert delivery.crashes == 0
    assert delivery.redelivered is False


def test_a_batch_is_confirmed_in_its_order(broker):
    require(broker, "ordered")
    publish(broker, *messages(30))
    publish(broker, *messages(30, prefix="n"))

    assert ids(claim(broker)) == ids([*messages(30), *messages(30, prefix="n")])


def test_an_empty_batch_is_nothing(broker):
    publish(broker)

    assert broker.depth([JOBS]) == {JOBS: 0}


def test_a_queue_need_not_be_declared_to_be_reached_by_its_name(place, broker):
    publish(place.broker(), message("a", queue="never.declared"))

    assert ids(claim(broker, "never.declared")) == ["a"]


def test_the_routing_key_names_the_queue_where_nothing_else_does(broker):
    publish(broker, TaskMessage("a", "tasks.add", b"", routing_key=JOBS))

    assert claim_one(broker).queue == JOBS


def test_publishing_an_id_twice_stores_it_twice(broker):
    publish(broker, message("a"))
    publish(broker, message("a"))

    assert ids(claim(broker)) == ["a", "a"]


def test_a_message_with_a_future_eta_is_parked_until_then(place, broker):
    require(broker, "delay")
    publish(broker, message("late", eta=later(place, 8)), message("early", eta=later(place, 3)))

    assert claim(broker) == []
    assert broker.depth([JOBS]) == {JOBS: 2} or not broker.capabilities.sees_parked
    place.advance(2)
    assert claim(broker) == []
    place.advance(2)
    assert ids(claim(broker)) == ["early"]
    place.advance(5)
    assert ids(claim(broker)) == ["late"]


def test_a_message_with_a_past_eta_is_ready(place, broker):
    publish(broker, message("a", eta=later(place, -60)))

    assert ids(claim(broker)) == ["a"]


def test_a_parked_message_keeps_its_eta(place, broker):
    require(broker, "delay")
    sent = message("a", eta=later(place, 5))
    publish(broker, sent)
    place.advance(6)

    assert claim_one(broker).message == sent


# -- exchanges


def via(exchange, key, task_id="a"):
    return TaskMessage(task_id, "tasks.add", b"", exchange=exchange, routing_key=key)


def reached(broker, sent, *queues):
    publish(broker, sent)
    return sorted(delivery.queue for delivery in claim(broker, *queues))


def test_a_direct_exchange_leads_where_the_key_is_equal(broker):
    orders = Exchange("orders", "direct")
    broker.declare([Queue("new", orders, "order.new"), Queue("old", orders, "order.old")])

    assert reached(broker, via("orders", "order.new"), "new", "old") == ["new"]


def test_a_topic_exchange_leads_where_the_pattern_matches(broker):
    news = Exchange("news", "topic")
    broker.declare(
        [Queue("all", news, "#"), Queue("uk", news, "uk.*"), Queue("sport", news, "*.sport.#")]
    )

    queues = ("all", "uk", "sport")
    assert reached(broker, via("news", "uk.sport"), *queues) == ["all", "sport", "uk"]
    assert reached(broker, via("news", "uk.weather"), *queues) == ["all", "uk"]
    assert reached(broker, via("news", "fr.sport.golf"), *queues) == ["all", "sport"]


def test_a_fanout_exchange_leads_to_all_its_queues(broker):
    require(broker, "fanout")
    both = Exchange("both", "fanout")
    broker.declare([Queue("left", both), Queue("right", both), Queue("else")])

    assert reached(broker, via("both", "whatever"), "left", "right", "else") == ["left", "right"]


def test_the_copies_of_a_message_are_settled_one_by_one(broker):
    both = Exchange("both", "topic")
    broker.declare([Queue("left", both, "#"), Queue("right", both, "#")])
    publish(broker, via("both", "x"))

    left, right = claim(broker, "left"), claim(broker, "right")

    assert ids(left) == ids(right) == ["a"]
    assert broker.settle([(left[0].token, DONE)]) == [True]
    assert broker.settle([(right[0].token, DONE)]) == [True]


def test_a_queue_with_an_exchange_is_reached_by_its_name_too(broker):
    broker.declare([Queue("new", Exchange("orders"), "order.new")])

    assert reached(broker, message("a", queue="new"), "new") == ["new"]


def test_declaring_again_changes_nothing(place, broker):
    queue = Queue("new", Exchange("orders"), "order.new")
    broker.declare([queue])
    publish(broker, via("orders", "order.new", "first"))

    broker.declare([queue, queue])
    place.broker().declare([queue])
    publish(broker, via("orders", "order.new", "second"))

    assert ids(claim(broker, "new")) == ["first", "second"]


def test_bindings_are_known_to_every_client(place, broker):
    require(broker, "shared_bindings")
    place.broker().declare([Queue("new", Exchange("orders"), "order.new")])

    publish(place.broker(), via("orders", "order.new"))

    assert ids(claim(broker, "new")) == ["a"]


@pytest.mark.parametrize("exchange", ["unknown", "orders"])
def test_an_exchange_that_leads_nowhere_refuses_the_whole_batch(broker, exchange):
    broker.declare([Queue("new", Exchange("orders"), "order.new")])

    with pytest.raises(QueueNotFound, match=f"'{exchange}'"):
        publish(broker, message("good"), via(exchange, "order.unheard"), message("good too"))

    assert broker.depth([JOBS, "new"]) == {JOBS: 0, "new": 0}


# -- transactions of the caller's


def test_what_is_published_within_a_transaction_is_visible_after_its_commit(place, broker):
    require(broker, "transactions")
    with place.transaction() as open_one:
        broker.publish([message("a"), message("b")], deadline=SOON, within=open_one)

    assert ids(claim(broker)) == ["a", "b"]


def test_what_is_published_within_a_transaction_goes_with_its_rollback(place, broker):
    require(broker, "transactions")

    def publish_and_fail():
        with place.transaction() as open_one:
            broker.publish([message("a")], deadline=SOON, within=open_one)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        publish_and_fail()

    assert broker.depth([JOBS]) == {JOBS: 0}


# -- operators


def test_depth_counts_what_is_ready_or_parked(place, broker):
    require(broker, "sees_parked")
    publish(broker, *messages(3), message("parked", eta=later(place, 60)), message("x", queue="b"))
    claim(broker, limit=1)

    assert broker.depth([JOBS, "b", "unheard"]) == {JOBS: 3, "b": 1, "unheard": 0}


def test_peek_shows_what_would_be_claimed_next_and_leaves_it(place, broker):
    require(broker, "peek")
    publish(broker, message("parked", eta=later(place, 60)), *messages(5))
    claim(broker, limit=1)

    assert ids(broker.peek(JOBS, 2)) == ["m001", "m002"]
    assert broker.peek(JOBS, 1) == [messages(2)[1]]
    assert broker.peek("unheard", 5) == []
    assert ids(claim(broker)) == ["m001", "m002", "m003", "m004"]


def test_peek_passes_over_what_cannot_be_read(place, broker):
    require(broker, "peek")
    publish(broker, message("broken"), message("sound"))
    place.corrupt("broken")

    assert ids(broker.peek(JOBS, 5)) == ["sound"]


def test_purge_deletes_what_waits_and_nothing_else(place, broker):
    require(broker, "dead_letters")
    require(broker, "sees_parked")
    publish(broker, *messages(4), message("parked", eta=later(place, 60)), message("x", queue="b"))
    held, dead = claim(broker, limit=2)
    broker.settle([(dead.token, DeadLetter("rejected"))])

    assert broker.purge([JOBS, "unheard"]) == 3

    assert broker.depth([JOBS, "b"]) == {JOBS: 0, "b": 1}
    assert len(broker.dead(JOBS, 10)) == 1
    assert broker.settle([(held.token, DONE)]) == [True]


def test_depth_and_purge_know_what_is_ready(broker):
    publish(broker, *messages(4), message("x", queue="b"))
    held = claim(broker, limit=1)[0]

    assert broker.depth([JOBS, "b", "unheard"]) == {JOBS: 3, "b": 1, "unheard": 0}
    assert broker.purge([JOBS, "unheard"]) == 3

    assert broker.depth([JOBS, "b"]) == {JOBS: 0, "b": 1}
    assert broker.settle([(held.token, DONE)]) == [True]


def test_what_came_after_a_purge_is_claimed(broker):
    publish(broker, *messages(2))
    broker.purge([JOBS])

    publish(broker, message("new"))

    assert ids(claim(broker)) == ["new"]


def test_a_paused_queue_gives_nothing_to_anybody_until_it_is_resumed(place, broker, other):
    require(broker, "pause")
    publish(broker, message("a"), message("b", queue="b"))

    broker.pause(JOBS)
    broker.pause(JOBS)
    broker.close()

    assert claim(other, JOBS) == []
    assert ids(claim(other, JOBS, "b")) == ["b"]
    publish(other, message("c"))
    assert other.depth([JOBS]) == {JOBS: 2}
    other.resume(JOBS)
    other.resume(JOBS)
    assert ids(claim(broker)) == ["a", "c"]


def test_everybody_sees_which_queues_are_paused(broker, other):
    require(broker, "pause")

    broker.pause(JOBS)

    assert set(other.paused([JOBS, "never"])) == {JOBS}
    other.resume(JOBS)
    assert set(broker.paused([JOBS])) == set()


def test_a_queue_may_be_paused_before_its_first_message(broker):
    require(broker, "pause")
    broker.pause("new")
    publish(broker, message("a", queue="new"))

    assert claim(broker, "new") == []


# -- dead letters


def bury(broker, *task_ids, reason="rejected", detail="not today"):
    require(broker, "dead_letters")
    for task_id in task_ids:
        publish(broker, message(task_id))
        broker.settle([(claim_one(broker).token, DeadLetter(reason, detail))])


def test_a_dead_letter_is_kept_with_its_reason_and_bytes(place, broker):
    bury(broker, "a")

    (letter,) = place.broker().dead(JOBS, 10)

    assert letter.message == message("a")
    assert (letter.queue, letter.reason, letter.detail) == (JOBS, "rejected", "not today")
    assert letter.died_at == pytest.approx(place.clock.now().timestamp(), abs=1)
    assert isinstance(letter.raw, bytes)
    assert letter.raw
    assert broker.depth([JOBS]) == {JOBS: 0}
    assert claim(broker) == []


def test_dead_letters_are_shown_newest_first(place, broker):
    for task_id in ("a", "b", "c"):
        bury(broker, task_id)
        place.advance(1)

    assert ids(letter.message for letter in broker.dead(JOBS, 2)) == ["c", "b"]
    assert broker.dead("unheard", 2) == []


def test_revived_dead_letters_stand_at_the_end_of_their_queue(broker):
    require(broker, "ordered")
    bury(broker, "a", "b")
    publish(broker, message("c"))
    (letter,) = (one for one in broker.dead(JOBS, 10) if one.message.id == "a")

    assert broker.revive(JOBS, [letter.tag]) == 1

    assert ids(claim(broker)) == ["c", "a"]
    assert ids(one.message for one in broker.dead(JOBS, 10)) == ["b"]
    assert broker.revive(JOBS, [letter.tag]) == 0


def test_an_unreadable_dead_letter_keeps_its_bytes(place, broker):
    require(broker, "dead_letters")
    publish(broker, message("a"))
    raw = place.corrupt("a")
    broker.settle([(claim_one(broker).token, DeadLetter("undecodable", "no message"))])

    (letter,) = broker.dead(JOBS, 10)

    assert letter.message is None
    assert letter.reason == "undecodable"
    assert letter.raw == raw if raw is not None else letter.raw


# -- what a broker cannot do

REFUSED = {
    "delay": lambda broker: publish(broker, message("a", eta=datetime(2999, 1, 1, tzinfo=UTC))),
    "fanout": lambda broker: broker.declare([Queue("left", Exchange("both", "fanout"))]),
    "transactions": lambda broker: broker.publish([message("a")], deadline=SOON, within=object()),
    "peek": lambda broker: broker.peek(JOBS, 1),
    "pause": lambda broker: broker.pause(JOBS),
    "seize": lambda broker: broker.seize(["a"]),
    "dead_letters": lambda broker: broker.dead(JOBS, 1),
}


def test_what_a_broker_cannot_do_it_refuses(broker):
    for capability, action in REFUSED.items():
        if not getattr(broker.capabilities, capability):
            with pytest.raises(NotSupported):
                action(broker)

    assert broker.depth([JOBS]) == {JOBS: 0} or broker.capabilities.delay
