"""Calls that are sent once: of unique tasks, and under an idempotency key."""

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.domain.errors import BrokerUnavailable, NotSupported
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.entrypoints.testing import work_off
from celeriac.exceptions import DuplicateTask


class Shaky(MemoryBroker):
    """Takes no message while it is told so."""

    down = False

    def publish(self, messages, **how):
        if self.down:
            raise BrokerUnavailable("it is away")
        super().publish(messages, **how)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def broker(clock):
    return Shaky(MemoryStore(clock))


@pytest.fixture
def app(broker, clock):
    results = MemoryResults(broker.memory)
    with Celeriac("shop", broker=broker, backend=results, clock=clock, set_as_current=False) as app:
        yield app


@pytest.fixture
def report(app):
    @app.task(name="shop.report", unique=True)
    def report(region="north", day=1):
        return region

    return report


def depth(broker):
    return broker.depth(["celery"])["celery"]


def test_a_second_call_gets_the_result_of_the_first(broker, report):
    first, second = report.delay("south", 2), report.delay(day=2, region="south")

    assert second.id == first.id
    assert depth(broker) == 1


def test_calls_with_other_arguments_are_others(broker, report):
    assert report.delay("south").id != report.delay("north").id
    assert report.delay().id == report.delay("north", 1).id
    assert depth(broker) == 2


def test_once_the_first_is_done_another_is_sent(app, report):
    first = report.delay()
    assert work_off(app) == 1

    second = report.delay()

    assert second.id != first.id
    assert work_off(app) == 1


@pytest.mark.parametrize(
    ("unique", "same"),
    [("region", True), (("region", "day"), False), ((), True), (lambda region, day: day, False)],
)
def test_a_key_may_be_made_of_some_arguments_or_by_a_function(app, unique, same):
    @app.task(unique=unique)
    def report(region, day):
        return region

    first, second = report.delay("south", 1), report.delay("south", 2)

    assert (first.id == second.id) is same


def test_a_duplicate_may_be_refused_instead(app):
    @app.task(name="shop.report", unique=True, on_duplicate="raise")
    def report():
        return 1

    first = report.delay()

    with pytest.raises(DuplicateTask, match=r"shop\.report is unique") as refused:
        report.delay()
    assert refused.value.task_id == first.id


def test_sending_by_name_and_by_signature_count_too(app, report):
    first = report.delay()

    assert app.send_task("shop.report").id == first.id
    assert report.s().apply_async().id == first.id


def test_until_the_start_a_call_made_by_the_running_task_itself_is_sent(app, broker):
    seen = []

    @app.task(name="shop.tick", unique=True, unique_until="start")
    def tick():
        if len(seen) < 2:
            seen.append(tick.delay().id)

    first = tick.delay()
    assert tick.delay().id == first.id

    assert work_off(app) == 3
    assert len({first.id, *seen}) == 3


def test_a_retry_keeps_the_key_until_the_last_attempt(app, clock):
    @app.task(name="shop.flaky", unique=True, bind=True, max_retries=1, default_retry_delay=10)
    def flaky(self):
        if self.request.retries == 0:
            raise self.retry()

    first = flaky.delay()
    work_off(app)
    assert flaky.delay().id == first.id

    clock.advance(11)
    work_off(app)

    assert flaky.delay().id != first.id


def test_a_key_is_free_when_its_period_is_over(app, clock, broker):
    @app.task(unique=True, unique_for=60)
    def report():
        return 1

    first = report.apply_async(countdown=30)
    clock.advance(89)
    assert report.delay().id == first.id  # the period begins when it may begin

    clock.advance(2)

    assert report.delay().id != first.id


@pytest.mark.parametrize(("until", "state"), [("done", "REVOKED"), ("start", "STARTED")])
def test_a_key_that_was_never_let_go_gives_way_to_what_the_result_says(app, until, state):
    @app.task(unique=True, unique_until=until)
    def report():
        return 1

    first = report.delay()
    app.results.store([ResultRecord(first.id, state, None)])

    assert report.delay().id != first.id


def test_a_call_that_could_not_be_sent_leaves_no_key_behind(broker, report):
    broker.down = True
    with pytest.raises(BrokerUnavailable):
        report.apply_async(retry=False)
    with pytest.raises(BrokerUnavailable):
        report.apply_async(retry=False, idempotency_key="k")
    broker.down = False

    report.apply_async(idempotency_key="k")

    assert depth(broker) == 1


# -- idempotency


@pytest.fixture
def add(app):
    @app.task(name="shop.add")
    def add(x):
        return x

    return add


def test_under_one_idempotency_key_one_task_is_sent(app, broker, add):
    first = add.apply_async((1,), idempotency_key="order-1")

    assert add.apply_async((1,), idempotency_key="order-1").id == first.id
    assert app.send_task("shop.add", (1,), idempotency_key="order-1").id == first.id
    assert add.apply_async((1,), idempotency_key="order-2").id != first.id
    assert depth(broker) == 2


def test_the_key_holds_when_the_task_is_done_and_as_long_as_its_result(app, clock, add):
    first = add.apply_async((1,), idempotency_key="order-1")
    work_off(app)
    clock.advance(86_000)
    assert add.apply_async((1,), idempotency_key="order-1").id == first.id

    clock.advance(500)

    assert add.apply_async((1,), idempotency_key="order-1").id != first.id


def test_the_key_is_not_sent_along(broker, add):
    add.apply_async((1,), idempotency_key="order-1")

    (message,) = broker.peek("celery", 1)
    assert "idempotency_key" not in {**message.headers, **message.properties}


@pytest.mark.parametrize("key", ["", None, True, 1.5, ["a"]])
def test_a_key_that_is_no_text_is_refused(add, key):
    if key is None:
        assert add.apply_async((1,), idempotency_key=None).id
        return
    with pytest.raises(ValueError, match=r"idempotency_key=.*: expected a text"):
        add.apply_async((1,), idempotency_key=key)


def test_a_keyed_call_joins_no_transaction(add):
    with pytest.raises(NotSupported, match=r"shop\.add: a call with a key cannot join"):
        add.apply_async((1,), idempotency_key="k", connection=object())


def test_a_key_is_not_for_batches_and_work_flows(app, add):
    with pytest.raises(NotSupported, match=r"shop\.add: idempotency_key is for single calls"):
        app.publish_many([add.s(1).set(idempotency_key="k")])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unique": "z"}, "unique='z': the task has no argument 'z'; it takes x"),
        ({"unique": True, "unique_until": "later"}, "unique_until='later': expected 'start' or"),
        ({"unique": True, "on_duplicate": "ignore"}, "on_duplicate='ignore': expected 'return'"),
        ({"unique": True, "unique_for": 0}, "unique_for=0: expected the seconds"),
        ({"unique": True, "unique_for": "1h"}, "unique_for='1h': expected the seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_where_the_task_is_declared(app, options, said):
    with pytest.raises(ValueError, match=r"shop\.wrong") as refused:

        @app.task(name="shop.wrong", **options)
        def wrong(x):
            return x

    assert said in str(refused.value)
