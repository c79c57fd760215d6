"""Sending: what `apply_async` and its kin put on the wire."""

from datetime import UTC, datetime, timedelta

import pytest

from celeriac.domain.errors import BrokerUnavailable, NotSupported, UnserializableArguments


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x=0, y=0: x + y)


def sent(shop, queue="celery"):
    """Return the one message in the queue."""
    (entry,) = shop.store.messages.lines[queue].waiting.values()
    return entry.message


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "eta"),
    [
        ({"countdown": 90}, NOON + timedelta(seconds=90)),
        ({"countdown": 0.5}, NOON + timedelta(seconds=0.5)),
        ({"eta": NOON + timedelta(days=1)}, NOON + timedelta(days=1)),
        ({"eta": "2026-01-02T12:00:00+02:00"}, NOON + timedelta(hours=22)),
        ({}, None),
    ],
)
def test_when_it_is_due(shop, add, options, eta):
    add.apply_async((1, 2), **options)

    assert sent(shop).eta == eta


@pytest.mark.parametrize(
    "expires", [60, timedelta(minutes=1), NOON + timedelta(minutes=1), "2026-01-01T12:01:00+00:00"]
)
def test_when_it_expires(shop, add, expires):
    add.apply_async(expires=expires)

    assert sent(shop).expires == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"countdown": "soon"}, "countdown='soon'"),
        ({"eta": 5}, "eta=5"),
        ({"priority": 256}, "priority=256"),
        ({"expires": object()}, "expires="),
    ],
)
def test_options_that_make_no_sense_are_refused_at_the_call(add, options, why):
    with pytest.raises(ValueError, match=why):
        add.apply_async((1, 2), **options)


def test_headers_limits_shadow_and_ids_travel_in_the_headers(shop, add):
    add.apply_async(
        (1, 2),
        task_id="t",
        headers={"tenant": "acme"},
        time_limit=9,
        soft_time_limit=8,
        shadow="other",
        priority=5,
        ignore_result=True,
        reply_to="me",
    )

    message = sent(shop)
    headers = dict(message.headers)
    origin = headers.pop("origin")
    assert headers == {
        "argsrepr": "(1, 2)",
        "kwargsrepr": "{}",
        "tenant": "acme",
        "timelimit": [9, 8],
        "shadow": "other",
        "ignore_result": True,
    }
    assert origin.startswith("gen")
    assert (message.id, message.priority, message.reply_to) == ("t", 5, "me")


def test_what_the_task_says_is_the_default_of_its_calls(shop):
    task = shop.app.task(
        name="t", queue="own", priority=3, expires=60, time_limit=9, ignore_result=True
    )(lambda: None)

    task.delay()

    message = sent(shop, "own")
    assert (message.priority, message.expires) == (3, NOON + timedelta(minutes=1))
    assert (message.time_limits, message.ignore_result) == ((9, None), True)


def test_what_the_call_says_wins(shop):
    task = shop.app.task(name="t", queue="own", priority=3)(lambda: None)

    task.apply_async(queue="celery", priority=7)

    assert sent(shop).priority == 7


def test_a_task_may_give_each_call_a_shadow(shop):
    from celeriac import Task

    class Shadowed(Task):
        def shadow_name(self, args, kwargs, options):
            return f"add {args[0]}"

    shop.app.task(base=Shadowed)(lambda x: x).delay(7)

    assert sent(shop).shadow == "add 7"


def test_a_call_may_choose_its_serializer(shop, add):
    add.apply_async(({1},), serializer="pickle")

    assert sent(shop).content_type == "application/x-python-serialize"


def test_a_worker_does_not_read_content_that_it_does_not_accept(shop, shop_with, add):
    result = add.apply_async((1,), serializer="pickle")

    assert (shop.state(result), shop.dead()) == ("FAILURE", [("add", "not-accepted")])
    assert "accept_content" in str(result.result)


def test_a_worker_reads_what_it_is_told_to_accept(shop_with):
    shop = shop_with(accept_content=["json", "pickle"])
    task = shop.app.task(name="size")(len)

    result = task.apply_async(({1, 2},), serializer="pickle")

    assert (shop.state(result), result.get()) == ("SUCCESS", 2)


def test_the_argument_that_cannot_be_encoded_is_named(add):
    with pytest.raises(UnserializableArguments, match=r"add: argument y \(set\)"):
        add.delay(1, y={1})
    with pytest.raises(TypeError):
        add.delay(object())


def test_send_task_knows_the_task_or_not(shop, add):
    known = shop.app.send_task("add", (1, 2))
    unknown = shop.app.send_task("far.task", kwargs={"x": 1}, queue="far", countdown=5, task_id="t")
    shop.work_off()

    assert known.get() == 3
    message = sent(shop, "far")
    assert (unknown.id, message.task, message.eta) == (
        "t",
        "far.task",
        NOON + timedelta(seconds=5),
    )


def test_send_task_honours_what_the_task_says_of_itself(shop):
    shop.app.task(name="own", queue="own", ignore_result=True)(lambda: None)

    shop.app.send_task("own")

    assert sent(shop, "own").task == "own"


def test_calls_are_routed(shop_with):
    shop = shop_with(task_routes={"mail.*": {"queue": "mail"}, "exact": "exact"})
    shop.app.send_task("mail.send")
    shop.app.send_task("exact")
    shop.app.send_task("other")

    depth = shop.app.broker.depth(["mail", "exact", "celery"])
    assert depth == {"mail": 1, "exact": 1, "celery": 1}


def test_many_calls_cost_one_publication_a_batch(shop, add):
    batches = []
    publish = shop.app.broker.publish
    shop.app.broker.publish = lambda messages, **kw: (
        batches.append(len(messages)),
        publish(messages, **kw),
    )

    results = shop.app.publish_many((add.s(n, 1) for n in range(25)), batch=10)

    assert batches == [10, 10, 5]
    shop.work_off()
    assert [result.get() for result in results] == list(range(1, 26))


def test_a_generator_of_calls_is_consumed_batch_by_batch(shop, add):
    made = []

    def calls():
        for n in range(6):
            made.append((n, shop.app.broker.depth(["celery"])["celery"]))
            yield add.s(n)

    shop.app.publish_many(calls(), batch=3)

    assert made == [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3), (5, 3)]


def test_many_calls_honour_their_options_and_the_tasks(shop, add):
    quiet = shop.app.task(name="quiet", ignore_result=True, priority=4)(lambda: None)

    shop.app.publish_many(
        [add.s(1).set(task_id="t", countdown=5), quiet.s(), shop.app.signature("far", queue="far")]
    )

    waiting = shop.store.messages.lines["celery"].waiting.values()
    by_task = {entry.message.task: entry.message for entry in waiting}
    assert (by_task["add"].id, by_task["add"].eta) == ("t", NOON + timedelta(seconds=5))
    assert (by_task["quiet"].priority, by_task["quiet"].ignore_result) == (4, True)
    assert sent(shop, "far").task == "far"


def test_many_calls_are_checked_as_single_ones_are(shop, add):
    with pytest.raises(TypeError, match="too many positional arguments"):
        shop.app.publish_many([add.s(1, 2, 3)])


def test_when_the_broker_goes_away_in_the_middle_the_confirmed_ones_are_told(shop_with):
    shop = shop_with(task_publish_retry=False)
    add = shop.app.task(name="add")(lambda x: x)
    publish, calls = shop.app.broker.publish, []

    def shaky(messages, **kw):
        calls.append(len(messages))
        if len(calls) == 2:
            raise BrokerUnavailable("away")
        publish(messages, **kw)

    shop.app.broker.publish = shaky
    with pytest.raises(BrokerUnavailable) as away:
        shop.app.publish_many([add.s(n) for n in range(3)], batch=2)

    shop.work_off()
    assert [result.get() for result in away.value.sent] == [0, 1]


def test_a_broker_without_transactions_says_who_has_them(add):
    with pytest.raises(NotSupported, match=r"memory:// cannot publish within a transaction.*SQL"):
        add.apply_async(connection=object())


def test_sending_is_retried_as_the_setting_or_the_call_says(shop, add):
    publish, failures = shop.app.broker.publish, [1, 1]

    def shaky(messages, **kw):
        if failures:
            failures.pop()
            raise BrokerUnavailable("away")
        publish(messages, **kw)

    shop.app.broker.publish = shaky
    with pytest.raises(BrokerUnavailable):
        add.apply_async(retry=False)
    with pytest.raises(BrokerUnavailable):
        add.apply_async(retry_policy={"max_retries": 0})
    failures.extend([1, 1])

    assert add.delay(1, 2).id
    assert failures == []


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"args": "ab"}, "args='ab': expected a list or tuple"),
        ({"args": 5}, "args=5: expected a list or tuple"),
        ({"args": {"x": 1}}, "expected a list or tuple"),
        ({"kwargs": ["x"]}, r"kwargs=\['x'\]: expected a mapping"),
    ],
)
def test_arguments_that_are_no_list_and_no_mapping_are_refused(shop, add, call, why):
    with pytest.raises(TypeError, match=why):
        add.apply_async(**call)
    with pytest.raises(TypeError, match=why):
        shop.app.send_task("far", **call)
