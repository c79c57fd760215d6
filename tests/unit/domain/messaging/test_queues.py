"""Where a routing key leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.messaging.queues import Binding, Exchange, Queue, binding_of, destinations

TOPIC = Exchange("events", "topic")
DIRECT = Exchange("orders", "direct")
FANOUT = Exchange("news", "fanout")

pattern_words = st.sampled_from(["a", "b", "a+", "*", "#"])
key_words = st.sampled_from(["a", "b", "a+", "aa"])


def matches(pattern: list[str], key: list[str]) -> bool:
    """The definition, word by word."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(matches(pattern[1:], key[n:]) for n in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and matches(pattern[1:], key[1:])


@given(pattern=st.lists(pattern_words, min_size=1, max_size=5), key=st.lists(key_words, max_size=5))
def test_topic_patterns_mean_what_amqp_says(pattern: list[str], key: list[str]):
    rule = Binding(TOPIC, ".".join(pattern), "q")

    reached = destinations([rule], "events", ".".join(key))

    assert reached == (("q",) if matches(pattern, key) else ())


@pytest.mark.parametrize(
    ("pattern", "key", "leads"),
    [
        ("#", "", True),
        ("#.a", "a", True),
        ("#.#.a", "a", True),
        ("a.#", "a", True),
        ("a.#.b", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("*", "", False),
        ("a.b", "a.bc", False),
        ("a?b", "ab", False),
    ],
)
def test_topic_patterns_at_their_edges(pattern: str, key: str, leads: bool):
    rule = Binding(TOPIC, pattern, "q")

    assert destinations([rule], "events", key) == (("q",) if leads else ())


def test_a_direct_exchange_compares_and_a_fanout_takes_all():
    rules = [
        Binding(DIRECT, "eu", "orders-eu"),
        Binding(DIRECT, "us", "orders-us"),
        Binding(FANOUT, "eu", "everybody"),
    ]

    assert destinations(rules, "orders", "us") == ("orders-us",)
    assert destinations(rules, "orders", "u.") == ()
    assert destinations(rules, "news", "whatever") == ("everybody",)
    assert destinations(rules, "unheard-of", "us") == ()


def test_a_queue_bound_twice_gets_one_copy():
    rules = [Binding(TOPIC, "a.#", "q"), Binding(TOPIC, "other", "p"), Binding(TOPIC, "#", "q")]

    assert destinations(rules, "events", "a.b") == ("q",)


def test_the_nameless_exchange_leads_to_the_queue_of_that_name():
    assert destinations([Binding(DIRECT, "slow", "other")], "", "slow") == ("slow",)
    assert binding_of(Queue("slow")) is None


def test_a_queue_hangs_on_its_exchange_by_its_key():
    assert binding_of(Queue("q", TOPIC, "a.#")) == Binding(TOPIC, "a.#", "q")
