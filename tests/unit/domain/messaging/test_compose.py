"""From a call to the message that carries it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.errors import EncodeError, QueueNotFound
from celeriac.domain.messaging.compose import Sender, compose, due, embed_of, short_repr
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.routing import Defaults, Router, rules_from
from tests.unit.domain.samples import CODEC, NOON


def sender(routes: Any = None, **changes: Any) -> Sender:
    return Sender(Router(rules=rules_from(routes)), CODEC, "gen1@here", **changes)


def composed(options: dict[str, Any] | None = None, by: Sender | None = None) -> TaskMessage:
    return compose("shop.add", (2, 3), {}, options or {}, by or sender(), now=NOON, new_id="id-1")


def test_a_plain_call():
    assert composed() == TaskMessage(
        id="id-1",
        task="shop.add",
        body=b'[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
        queue="celery",
        routing_key="celery",
        headers={"argsrepr": "(2, 3)", "kwargsrepr": "{}", "origin": "gen1@here"},
    )


def test_a_call_with_everything_asked_for():
    got = composed(
        {
            "task_id": "mine",
            "countdown": 10,
            "expires": 60,
            "queue": "slow",
            "priority": 7,
            "serializer": "yaml",
            "link": {"task": "shop.ok"},
            "link_error": [{"task": "shop.bad"}],
            "chain": ({"task": "shop.next"},),
            "group_id": "g",
            "group_index": 0,
            "root_id": "r",
            "parent_id": "p",
            "retries": 2,
            "time_limit": 5,
            "ignore_result": True,
            "shadow": "other",
            "headers": {"tenant": 4},
            "reply_to": "me",
            "delivery_mode": 1,
            "expiration": "9",
        }
    )

    assert got == TaskMessage(
        id="mine",
        task="shop.add",
        body=(
            b'[[2, 3], {}, {"callbacks": [{"task": "shop.ok"}], "errbacks": [{"task": "shop.bad"}],'
            b' "chain": [{"task": "shop.next"}], "chord": null}]'
        ),
        content_type="application/yaml",
        queue="slow",
        routing_key="slow",
        priority=7,
        eta=NOON + timedelta(seconds=10),
        expires=NOON + timedelta(seconds=60),
        headers={
            "argsrepr": "(2, 3)",
            "kwargsrepr": "{}",
            "origin": "gen1@here",
            "shadow": "other",
            "group": "g",
            "group_index": 0,
            "retries": 2,
            "root_id": "r",
            "parent_id": "p",
            "ignore_result": True,
            "timelimit": [5, None],
            "tenant": 4,
        },
        properties={"expiration": "60000", "delivery_mode": 1, "reply_to": "me"},
    )


def test_what_the_sender_always_says_is_added():
    got = composed(by=sender(reply_to="me", default_priority=4, ignore_result=True))

    assert (got.reply_to, got.priority, got.ignore_result) == ("me", 4, True)


@pytest.mark.parametrize("options", [{}, {"delivery_mode": None}, {"shadow": "s"}])
def test_the_senders_delivery_mode_is_that_of_its_messages(options):
    assert composed(options, by=sender(delivery_mode=1)).properties == {"delivery_mode": 1}
    assert composed(options, by=sender()).properties == {}


@pytest.mark.parametrize(
    ("asked", "mode"), [(1, 1), ("transient", 1), (2, 2), ("persistent", 2), (0, 1)]
)
def test_a_call_overrules_the_senders_delivery_mode(asked, mode):
    got = composed({"delivery_mode": asked}, by=sender(delivery_mode=1))

    assert got.delivery_mode == mode


@pytest.mark.parametrize("asked", [3, "lasting", [2]])
def test_a_delivery_mode_that_is_none_is_refused(asked):
    with pytest.raises(ValueError, match="expected 1 or 'transient'"):
        composed({"delivery_mode": asked})


def test_a_call_overrules_what_the_sender_always_says():
    by = sender(reply_to="me", default_priority=4, ignore_result=True)

    got = composed({"reply_to": "you", "priority": 0, "ignore_result": False}, by)

    assert (got.reply_to, got.priority, got.ignore_result) == ("you", 0, False)


def test_a_route_adds_options_which_the_call_overrules():
    routes = {"shop.*": {"queue": "slow", "priority": 2, "headers": {"a": 1, "b": 1}}}

    got = composed({"headers": {"b": 2}}, sender(routes))
    overruled = composed({"priority": 9}, sender(routes))

    assert (got.queue, got.priority) == ("slow", 2)
    assert {"a": 1, "b": 2}.items() <= got.headers.items()
    assert (overruled.queue, overruled.priority) == ("slow", 9)


@pytest.mark.parametrize("priority", [-1, 256, "high", 1.5, True])
def test_a_priority_out_of_bounds_is_refused(priority: Any):
    with pytest.raises(ValueError, match=r"priority=.*0 to 255"):
        composed({"priority": priority})


@pytest.mark.parametrize("priority", [0, 255])
def test_priorities_within_bounds_are_taken(priority: int):
    assert composed({"priority": priority}).priority == priority


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ({}, None),
        ({"countdown": 0}, NOON),
        ({"countdown": 1.5}, NOON + timedelta(seconds=1.5)),
        ({"countdown": timedelta(minutes=1)}, NOON + timedelta(minutes=1)),
        ({"countdown": -5}, NOON - timedelta(seconds=5)),
        ({"countdown": 5, "eta": NOON}, NOON + timedelta(seconds=5)),
        ({"eta": NOON}, NOON),
        ({"eta": datetime(2026, 1, 1, 12)}, NOON),  # noqa: DTZ001 - naive means UTC
        ({"eta": "2026-01-01T14:00+02:00"}, NOON),
        ({"eta": datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))}, NOON),
    ],
)
def test_when_a_call_is_due(options: dict[str, Any], at: datetime | None):
    found = due(options, NOON)

    assert found == at
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("expires", "at"),
    [
        (60, NOON + timedelta(seconds=60)),
        (timedelta(hours=1), NOON + timedelta(hours=1)),
        (NOON, NOON),
        ("2026-01-01T12:00Z", NOON),
    ],
)
def test_when_a_call_expires(expires: Any, at: datetime):
    assert composed({"expires": expires}).expires == at


@pytest.mark.parametrize(
    "options",
    [
        {"countdown": "5"},
        {"countdown": True},
        {"countdown": float("nan")},
        {"countdown": float("inf")},
        {"countdown": 1e12},
        {"eta": 5},
        {"eta": "soon"},
        {"eta": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        {"expires": True},
        {"expires": 1e12},
        {"expires": timedelta.max},
        {"expires": "late"},
        {"expires": [1]},
    ],
)
def test_times_that_make_no_sense_are_refused(options: dict[str, Any]):
    (name,) = options

    with pytest.raises(ValueError, match=f"^{name}="):
        composed(options)


def test_arguments_that_cannot_be_encoded_are_refused():
    with pytest.raises(EncodeError):
        compose("shop.add", (object(),), {}, {}, sender(), now=NOON, new_id="id-1")


def test_a_message_that_has_nowhere_to_go_is_refused():
    nowhere = Sender(Router(defaults=Defaults(create_missing=False)), CODEC, "gen1@here")

    with pytest.raises(QueueNotFound):
        composed({"queue": "new"}, nowhere)


def test_links_are_lists_however_they_were_given():
    link = {"task": "shop.ok"}

    embed = embed_of({"link": link, "link_error": (link, link), "chain": [], "chord": link})

    assert embed == {"callbacks": [link], "errbacks": [link, link], "chain": [], "chord": link}


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __bool__(self) -> bool:
        raise RuntimeError("no")


anything = st.recursive(
    st.none()
    | st.integers()
    | st.integers(5000, 5001).map(lambda n: 10**n)  # more digits than Python shows
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(Mute)
    | st.builds(lambda n: "x" * n, st.integers(0, 5000)),
    lambda inner: (
        st.lists(inner, max_size=30)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.builds(Mute), inner)
    ),
    max_leaves=30,
)


@given(value=anything, levels=st.integers(0, 5))
def test_a_short_repr_is_short_and_never_raises(value: Any, levels: int):
    assert len(short_repr(value, levels)) <= 1024


def test_a_short_repr_of_something_small_is_its_repr():
    assert short_repr((2, "a", None)) == "(2, 'a', None)"
    assert short_repr({"k": 1.5}) == "{'k': 1.5}"
    assert short_repr(5) == "5"


def test_a_short_repr_ends_in_dots_where_it_was_cut():
    assert short_repr(("x" * 40,) * 19 + ("y" * 2000,)).endswith("y...')")
    assert short_repr((list(range(2000)),)).endswith(", ...],)")
    assert short_repr(((((1,),),),), levels=2) == "(((...,),),)"


def test_a_short_repr_of_something_that_contains_itself_ends():
    endless: list[Any] = []
    endless.append(endless)

    assert len(short_repr((endless,))) < 100
