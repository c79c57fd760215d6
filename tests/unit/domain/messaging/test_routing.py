"""From names and options to where a message goes, and which word counts."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from celeriac.domain.errors import QueueNotFound
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.domain.messaging.routing import Defaults, Route, Router, rules_from

TOPIC = Exchange("events", "topic")
DIRECT = Exchange("orders", "direct")
FANOUT = Exchange("news", "fanout")


def router(routes: Any = None, *queues: Queue, **defaults: Any) -> Router:
    return Router(queues, rules_from(routes), Defaults(**defaults))


def route(of: Router, name: str = "shop.add", **options: Any) -> Route:
    return of.route(name, (1,), {"k": 2}, options)


def test_without_a_word_it_is_the_default_queue():
    assert route(router()) == Route("celery", "", "celery", {})
    assert route(router(queue="main")) == Route("main", "", "main", {})


def test_a_default_queue_with_an_exchange_of_its_own_is_reached_through_it():
    asked = route(router(queue="main", exchange="all", exchange_type="topic", routing_key="m.#"))

    assert asked == Route("main", "all", "m.#", {})


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("shop.add", "exact"),
        ("shop.other", "glob"),
        ("feed-7.read", "regex"),
        ("a1", "class"),
        ("billing.pay", "celery"),
    ],
)
def test_names_come_before_globs_and_regexes(name: str, queue: str):
    routes = {
        "shop.*": {"queue": "glob"},
        "shop.add": {"queue": "exact"},
        re.compile(r"feed-\d\."): {"queue": "regex"},
        "a[0-9]": "class",
    }

    assert route(router(routes), name).queue == queue


def test_the_first_pattern_and_the_first_rule_that_answer_win():
    routes = [
        {"nothing.*": "x"},
        [("shop.*", {"queue": "first"}), ("shop.a*", {"queue": "second"})],
        {"shop.add": "third"},
    ]

    assert route(router(routes)).queue == "first"


def test_functions_are_told_the_call_and_may_pass():
    seen = []

    def passes(*call: Any) -> None:
        seen.append(call)

    def answers(name: str, args: Any, kwargs: Any, options: Any) -> dict[str, Any]:
        return {"queue": f"{name}-{args[0]}-{kwargs['k']}", "priority": options["priority"] + 1}

    asked = route(router([passes, answers]), priority=4)

    assert asked == Route("shop.add-1-2", "", "shop.add-1-2", {"priority": 5})
    assert seen == [("shop.add", (1,), {"k": 2}, {"priority": 4})]


def test_an_object_may_route():
    by_object = SimpleNamespace(route_for_task=lambda name, args, kwargs: f"{name}!")

    assert route(router(by_object)).queue == "shop.add!"


def test_a_rule_counts_where_the_call_names_no_destination():
    routes = {"shop.add": {"queue": "slow", "priority": 2, "serializer": "yaml"}}

    asked = route(router(routes), priority=9, task_id="id-1")

    assert asked == Route("slow", "", "slow", {"priority": 2, "serializer": "yaml"})


def test_a_destination_of_the_call_replaces_the_rules_whole_destination():
    routes = {"shop.add": {"exchange": "events", "routing_key": "a.b", "priority": 2}}

    asked = route(router(routes), queue="mine")

    assert asked == Route("mine", "", "mine", {"priority": 2})


def test_a_direct_exchange_is_bypassed_and_others_are_used():
    known = router(
        None,
        Queue("orders-eu", DIRECT, "eu"),
        Queue("events-a", TOPIC, "a.#"),
        Queue("news-all", FANOUT),
    )

    assert route(known, queue="orders-eu") == Route("orders-eu", "", "orders-eu", {})
    assert route(known, queue="events-a") == Route("events-a", "events", "a.#", {})
    assert route(known, queue="news-all") == Route("news-all", "news", "", {})


def test_an_exchange_alone_leads_to_no_queue_in_particular():
    assert route(router(), exchange="events", routing_key="a.b") == Route("", "events", "a.b", {})
    assert route(router(), exchange=TOPIC) == Route("", "events", "", {})


def test_the_nameless_exchange_leads_to_the_queue_of_the_keys_name():
    assert route(router(), exchange="", routing_key="slow") == Route("slow", "", "slow", {})
    assert route(router(), exchange="") == Route("celery", "", "celery", {})


def test_a_routing_key_is_used_on_the_exchange_of_the_queue():
    known = router(None, Queue("events-a", TOPIC, "a.#"))

    asked = route(known, queue="events-a", routing_key="a.b")

    assert asked == Route("events-a", "events", "a.b", {})
    assert route(known, routing_key="a.b") == Route("celery", "", "celery", {})


def test_a_queue_object_brings_its_exchange_along():
    known = router()

    asked = route(known, queue=Queue("events-a", TOPIC, "a.#"))

    assert asked == Route("events-a", "events", "a.#", {})
    assert known.queues["events-a"] == Queue("events-a", TOPIC, "a.#")


def test_a_missing_queue_is_made_known_or_refused():
    making, refusing = router(), router(None, Queue("slow"), create_missing=False)

    assert route(making, queue="new").queue == "new"
    assert making.queues["new"] == Queue("new")
    assert route(refusing, queue="slow").queue == "slow"
    with pytest.raises(QueueNotFound, match=r"'new' is not in task_queues \(celery, slow\)"):
        route(refusing, queue="new")


def test_routing_the_same_call_again_changes_nothing():
    known = router({"shop.*": "slow"})

    assert [route(known) for _ in range(2)] == [Route("slow", "", "slow", {})] * 2
    assert sorted(known.queues) == ["celery", "slow"]


@pytest.mark.parametrize("setting", [7, [7], {7: "slow"}, [[("shop.*", "a", "b")]]])
def test_what_is_no_route_is_refused(setting: Any):
    with pytest.raises(ValueError, match=r"task_routes has .*expected a mapping"):
        rules_from(setting)


@pytest.mark.parametrize("setting", [None, (), {}, []])
def test_no_routes_are_no_rules(setting: Any):
    assert rules_from(setting) == ()
