"""Messages of older protocols on their way to the worker's core."""

from datetime import UTC

import pytest

from celeriac.application.make_whole import MakingWhole
from celeriac.domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage

TOKEN = Token("1", 1)
NEW = Delivery(TaskMessage("a", "shop.add", b"[[], {}, {}]"), TOKEN, "jobs")
BODY = b'{"task": "shop.add", "id": "b", "args": [1]}'


def old(body=BODY, content_type="application/json", task="", id_=""):
    return Delivery(TaskMessage(id_, task, body, content_type), TOKEN, "jobs", 2, True)


@pytest.fixture
def whole(codec):
    return MakingWhole(codec, UTC)


def test_a_batch_of_todays_messages_is_passed_on_as_it_is(whole):
    batch = [NEW, Undecodable(b"", TOKEN, "jobs", "why")]

    assert whole.deliveries(batch) is batch


def test_an_old_message_in_a_batch_is_made_whole(whole):
    first, second = whole.deliveries([NEW, old()])

    assert first is NEW
    assert (second.message.task, second.message.id) == ("shop.add", "b")
    assert second.message.body.startswith(b"[[1], {}, {")
    assert (second.token, second.crashes, second.redelivered) == (TOKEN, 2, True)


def test_so_is_one_that_was_adopted(whole):
    (orphan,) = whole.orphans([Orphan(old(), started=True, owner="w")])

    assert (orphan.delivery.message.id, orphan.started, orphan.owner) == ("b", True, "w")


@pytest.mark.parametrize(
    ("delivery", "kind", "says"),
    [
        (old(b"garbage"), "undecodable", "not JSON"),
        (old(b"[1]"), "undecodable", "its body is no mapping"),
        (old(b"\x80", "application/x-python-serialize"), "not-accepted", "accept_content"),
    ],
)
def test_what_cannot_be_made_whole_goes_to_the_dead_letters(whole, delivery, kind, says):
    (refused,) = whole.deliveries([delivery])

    assert isinstance(refused, Undecodable)
    assert (refused.raw, refused.token, refused.kind) == (delivery.message.body, TOKEN, kind)
    assert says in refused.reason


@pytest.mark.parametrize("body", [b"{", b'{"no": "args"}', b'{"args": 5}'])
def test_a_named_message_that_cannot_be_made_whole_is_left_to_whoever_runs_it(whole, body):
    sent = old(body, task="shop.add", id_="c")

    assert whole.deliveries([sent]) == [sent]
