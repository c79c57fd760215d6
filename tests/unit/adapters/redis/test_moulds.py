"""A mould is only a shorter way to the same bytes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.redis.envelope import _written
from celeriac.adapters.redis.moulds import Moulds
from celeriac.domain.messaging.message import Likeness, TaskMessage

TEXTS = st.text(max_size=12)
HEADERS = st.fixed_dictionaries(
    {"argsrepr": TEXTS, "kwargsrepr": TEXTS, "origin": st.sampled_from(["gen1@here", "%s"])},
    optional={
        "group": st.sampled_from(["g", "h"]),
        "group_index": st.integers(0, 3),
        "root_id": st.sampled_from(["id-0", "root"]),
        "ignore_result": st.sampled_from([True, 1, None]),
        "timelimit": st.just([1, 2]),
    },
)
MESSAGES = st.builds(
    TaskMessage,
    id=st.sampled_from(["id-0", "id-1"]) | TEXTS,
    task=st.sampled_from(["shop.add", "100 %d", "ü"]),
    body=st.binary(max_size=20),
    routing_key=st.sampled_from(["celery", "fast"]),
    priority=st.sampled_from([0, 3]),
    eta=st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    headers=HEADERS,
    properties=st.sampled_from([{}, {"reply_to": "r"}, {"delivery_mode": 1}]),
)


@given(st.lists(MESSAGES, max_size=12))
def test_whatever_was_written_before_each_message_is_written_as_it_is_alone(messages):
    moulds = Moulds(_written)

    for message in messages:
        for tag in ("a" * 32, "b" * 32):
            assert moulds.written(message, tag) == _written(message, tag)


def counted() -> tuple[Moulds, list[TaskMessage]]:
    written: list[TaskMessage] = []

    def write(message: TaskMessage, tag: str) -> bytes:
        written.append(message)
        return _written(message, tag)

    return Moulds(write), written


def call(number: int, **headers: Any) -> TaskMessage:
    said = {"argsrepr": f"({number},)", "kwargsrepr": "{}", "origin": "gen1@here", **headers}
    return TaskMessage(f"id-{number}", "shop.add", b"[]", headers=said)


def test_a_thousand_calls_of_a_group_are_written_as_json_twice_and_then_filled_in():
    moulds, written = counted()

    for number in range(1000):
        moulds.written(call(number, group="g", group_index=number), "t")

    assert len(written) == 2


def test_messages_that_are_known_to_be_alike_are_written_as_each_is_alone():
    moulds, written = counted()
    alike = Likeness()
    sent = [call(number, group="g", group_index=number, root_id="id-1") for number in range(5)]
    for message in sent:
        message.note_likeness(alike)

    found = [moulds.written(message, "t") for message in sent]

    assert found == [_written(message, "t") for message in sent]
    assert len(written) == 2


def test_calls_that_differ_in_something_else_are_each_written():
    moulds, written = counted()

    for number in range(10):
        moulds.written(call(number, parent_id=f"parent-{number}"), "t")

    assert len(written) == 10


def test_few_moulds_are_kept():
    moulds, _ = counted()

    for group in range(500):
        for number in range(2):
            moulds.written(replace(call(number), routing_key=f"queue-{group}"), "t")

    assert len(moulds._moulds) <= 64
