"""Envelopes are read alike wherever their body stands, and whatever it looks like."""

import json
from base64 import b64encode

import pytest

from celeriac.adapters.redis.envelope import delivery_of, message_of, raw_of
from celeriac.domain.messaging.delivery import Delivery, Token, Undecodable
from tests.unit.domain.samples import message

TOKEN = Token("1:jobs", 1)


def envelope(body: object, encoding: str | None = "base64") -> dict[str, object]:
    properties = {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": "jobs"}}
    if encoding is not None:
        properties["body_encoding"] = encoding
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "shop.pay", "id": "7"},
        "properties": properties,
    }


def turned(found: dict[str, object]) -> bytes:
    """Write an envelope with its body last."""
    return json.dumps(dict(reversed(found.items()))).encode()


def body_of(raw: bytes) -> bytes:
    found = delivery_of(raw, TOKEN, "jobs")
    assert isinstance(found, Delivery), found
    return found.message.body


@pytest.mark.parametrize(
    ("written", "encoding", "meant"),
    [
        (b64encode(b"[[1], {}, {}]").decode(), "base64", b"[[1], {}, {}]"),
        ("", "base64", b""),
        ("[[1], {}, {}]", None, b"[[1], {}, {}]"),
        ('[["a\\"b"], {}, {}]', None, b'[["a\\"b"], {}, {}]'),
        ('[["é"], {}, {}]', "utf-8", '[["é"], {}, {}]'.encode()),
    ],
)
def test_a_body_is_the_same_wherever_it_stands(written, encoding, meant):
    found = envelope(written, encoding)

    assert body_of(json.dumps(found).encode()) == meant
    assert body_of(json.dumps(found, ensure_ascii=False).encode()) == meant
    assert body_of(turned(found)) == meant


def test_of_two_bodies_the_last_one_counts_as_for_every_reader_of_json():
    raw = json.dumps(envelope(b64encode(b"first").decode())).encode()
    raw = raw[:-1] + b', "body": "' + b64encode(b"last") + b'"}'

    assert body_of(raw) == b"last"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"body": "',
        b'{"body": "W10=',
        b'{"body": "W10="',
        json.dumps(envelope("W1 0=")).encode(),
        json.dumps(envelope("W10")).encode(),
        json.dumps(envelope("é")).encode(),
        json.dumps(envelope("é"), ensure_ascii=False).encode(),
        json.dumps(envelope(7)).encode(),
    ],
)
def test_a_body_that_cannot_be_read_is_no_delivery(raw):
    assert isinstance(delivery_of(raw, TOKEN, "jobs"), Undecodable)
    assert message_of(raw, "jobs") is None


def test_what_was_given_back_keeps_its_marks_and_its_body():
    sent = message(body=b"x" * 5000)
    raw = raw_of(sent, "t" * 32)

    found = delivery_of(b'{"celeriac": [2, 1], ' + raw[1:], TOKEN, "jobs")

    assert isinstance(found, Delivery)
    assert (found.crashes, found.redelivered, found.message.body) == (2, True, sent.body)
