"""Requests and replies of remote control, in Celery's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.cluster.control import (
    Request,
    answers_in,
    is_addressed,
    jsonable,
    matches,
    reply_message,
    request_in,
    request_message,
)
from celeriac.domain.cluster.speech import BusMessage, ReplyAddress

PING = Request("ping")


def test_a_request_without_reply_is_said_in_celerys_fields():
    request = Request("revoke", {"task_id": ["t"]}, ["w@h"])

    said = request_message(request, "celery.pidbox", clock=4)

    assert said == BusMessage(
        "celery.pidbox",
        {
            "method": "revoke",
            "arguments": {"task_id": ["t"]},
            "destination": ["w@h"],
            "pattern": None,
            "matcher": None,
        },
        headers={"clock": 4, "expires": 0},
    )


def test_what_was_said_is_read_again():
    to = ReplyAddress("reply.celery.pidbox", "oid")
    request = Request("ping", {"n": 1}, ["a@h"], "w*", "glob", "ticket", to)

    said = request_message(request, "celery.pidbox", clock=1, expires=12.5)

    assert said.headers == {"clock": 1, "expires": 12.5}
    assert request_in(said.body) == request


@pytest.mark.parametrize(
    "body",
    [
        *(None, 5, "ping", [], {}, {"method": 5}),
        {"method": "x", "arguments": [1]},
        {"method": "x", "destination": "a@h"},
        {"method": "x", "destination": [1]},
    ],
)
def test_garbage_is_no_request(body):
    assert request_in(body) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("method", "arguments", "destination", "pattern", "matcher", "reply_to"), _JSON
        ),
    )
)
def test_whatever_stands_in_a_body_is_read_or_refused(body):
    found = request_in(body)

    assert found is None or isinstance(found, Request)


@pytest.mark.parametrize(
    ("request_", "node", "meant"),
    [
        (PING, "a@h", True),
        (Request("ping", destination=["a@h", "b@h"]), "a@h", True),
        (Request("ping", destination=["b@h"]), "a@h", False),
        (Request("ping", destination=["b@h"], pattern="a*", matcher="glob"), "a@h", False),
        (Request("ping", pattern="a*", matcher="glob"), "a@h", True),
        (Request("ping", pattern="b*", matcher="glob"), "a@h", False),
        (Request("ping", pattern="^[ab]@", matcher="pcre"), "b@h", True),
        (Request("ping", pattern="^c@", matcher="pcre"), "b@h", False),
        (Request("ping", pattern="b*"), "a@h", True),
    ],
)
def test_who_a_request_is_for(request_, node, meant):
    assert is_addressed(request_, node) is meant


def test_a_matcher_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="expected glob or pcre"):
        matches("a@h", "a*", "soundex")
    with pytest.raises(ValueError, match="no regular expression"):
        matches("a@h", "(", "pcre")


def test_a_reply_names_its_node_and_ticket():
    request = Request("ping", ticket="t")

    assert reply_message("a@h", {"ok": "pong"}, request, clock=7) == BusMessage(
        "", {"a@h": {"ok": "pong"}}, headers={"ticket": "t", "clock": 7}
    )


def test_answers_to_other_tickets_are_left_out():
    said = [
        BusMessage("r", {"a@h": 1}, headers={"ticket": "old"}),
        BusMessage("r", {"b@h": 2}, headers={"ticket": "new"}),
        BusMessage("r", {"c@h": 3}),
        BusMessage("r", "garbage"),
    ]

    assert answers_in(said, "new") == [{"b@h": 2}, {"c@h": 3}]


class Unshowable:
    def __repr__(self):
        raise RuntimeError


def test_what_json_cannot_say_becomes_text():
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    value = {1: (noon, b"x", float("inf")), "set": {1}, "bad": Unshowable(), "ok": [1.5, None]}

    assert jsonable(value) == {
        "1": ["2026-11-20T12:00:00+00:00", "b'x'", "inf"],
        "set": "{1}",
        "bad": "<Unshowable: its repr raised RuntimeError>",
        "ok": [1.5, None],
    }
