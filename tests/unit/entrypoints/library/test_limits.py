"""What tasks say of limits that a cluster shares: what is refused, and what travels with calls."""

import pytest

from celeriac import Celeriac, Task
from celeriac.adapters.memory import MemoryBroker, MemoryStore
from celeriac.domain.work.admission import KEY_HEADER


@pytest.fixture
def broker():
    return MemoryBroker(MemoryStore())


@pytest.fixture
def app(broker):
    with Celeriac("shop", broker=broker, set_as_current=False) as app:
        yield app


def key_sent(broker):
    (message,) = broker.peek("celery", 10)
    return message.headers.get(KEY_HEADER)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate_limit": "10/x"}, "rate_limit='10/x': expected tasks per second, minute or hour"),
        (
            {"rate_limit": "10/s", "rate_limit_scope": "everywhere"},
            "rate_limit_scope='everywhere': expected 'worker' or 'cluster'",
        ),
        ({"max_concurrency": 0}, "max_concurrency=0: expected a whole number of tasks, at least 1"),
        ({"max_concurrency": "3"}, "max_concurrency='3': expected a whole number"),
        ({"max_concurrency": True}, "max_concurrency=True: expected a whole number"),
        ({"max_concurrency_per_key": 2}, "max_concurrency_per_key=2 needs a concurrency_key"),
        (
            {"concurrency_key": "z"},
            "concurrency_key='z': the task has no argument 'z'; it takes x, y",
        ),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_where_the_task_is_declared(app, options, said):
    with pytest.raises(ValueError, match=r"shop\.add|rate_limit") as refused:

        @app.task(name="shop.add", **options)
        def add(x, y=1):
            return x + y

    assert said in str(refused.value)


def test_a_task_class_of_others_may_have_methods_of_these_names(app):
    class Single(Task):
        abstract = True

        def on_duplicate(self, existing):
            return existing

    assert app.task(base=Single, name="single")(len).name == "single"


def test_a_key_that_is_no_name_and_no_function_is_refused(app):
    with pytest.raises(TypeError, match="concurrency_key=7: expected the name of an argument"):

        @app.task(concurrency_key=7)
        def add(x, y=1):
            return x + y


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ("x", "1"),
        ("y", "'two'"),
        (("x", "y"), "[1,'two']"),
        (lambda x, y: f"{x}-{y}", "1-two"),
    ],
)
def test_a_call_carries_the_key_its_arguments_give_it(app, broker, spec, key):
    @app.task(concurrency_key=spec)
    def add(x, y="two"):
        return x

    add.delay(1, y="two")

    assert key_sent(broker) == key.strip("'")


def test_defaults_count_and_so_does_what_is_sent_by_name(app, broker):
    @app.task(name="shop.add", concurrency_key="y")
    def add(self_=None, y="north"):
        return y

    app.send_task("shop.add")

    assert key_sent(broker) == "north"


def test_a_task_with_any_keywords_may_name_one_that_is_not_written_down(app, broker):
    @app.task(concurrency_key="customer")
    def add(**kwargs):
        return kwargs

    add.delay(customer="north")

    assert key_sent(broker) == "north"


def test_a_key_that_cannot_be_told_apart_is_refused_at_the_call(app):
    @app.task(concurrency_key=lambda x: object())
    def add(x):
        return x

    with pytest.raises(ValueError, match="no key can be made of object values"):
        add.delay(1)


def test_a_key_left_by_an_earlier_attempt_gives_way_to_the_present_one(app):
    @app.task(concurrency_key="x")
    def add(x):
        return x

    sent = app.sending.message(add.name, ("south",), {}, {"headers": {KEY_HEADER: "north"}})

    assert sent.headers[KEY_HEADER] == "south"
