"""Messages whose body is a mapping, made such as protocol 2 has them."""

import json
import pickle
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.messaging.protocol import DEFAULTS, headers_of
from celeriac.domain.messaging.protocol_1 import is_whole, made_whole
from tests.unit.domain.samples import NOON

BERLIN = ZoneInfo("Europe/Berlin")
#: As Celery 5.7 writes it with task_protocol=1.
OLD: dict[str, Any] = {
    "task": "shop.add",
    "id": "v1",
    "args": [1, 2],
    "kwargs": {"z": 3},
    "group": None,
    "group_index": None,
    "retries": 0,
    "eta": None,
    "expires": None,
    "utc": True,
    "callbacks": None,
    "errbacks": None,
    "timelimit": [None, None],
    "taskset": None,
    "chord": None,
}
NAMELESS = TaskMessage("", "", b"?", queue="jobs", routing_key="jobs", priority=3)


def encode(value: Any, content_type: str) -> Payload:
    return Payload(json.dumps(value).encode(), content_type)


def whole(message: TaskMessage = NAMELESS, **body: Any) -> TaskMessage:
    return made_whole(message, {**OLD, **body}, encode, BERLIN)


def test_an_old_message_becomes_one_of_protocol_2():
    assert whole() == TaskMessage(
        "v1",
        "shop.add",
        b'[[1, 2], {"z": 3}, {"callbacks": null, "errbacks": null, "chord": null, "chain": null}]',
        queue="jobs",
        routing_key="jobs",
        priority=3,
        headers={"argsrepr": "(1, 2)", "kwargsrepr": "{'z': 3}"},
    )


def test_what_the_body_says_of_the_call_is_said_by_headers():
    message = whole(retries=2, timelimit=[9, 8], group_index=4, group="g", taskset="g")

    assert message.headers == {
        "argsrepr": "(1, 2)",
        "kwargsrepr": "{'z': 3}",
        "retries": 2,
        "timelimit": [9, 8],
        "group_index": 4,
        "group": "g",
    }
    assert headers_of(message).keys() == DEFAULTS.keys()


@pytest.mark.parametrize(
    ("said", "group"),
    [
        ({"group": "g", "taskset": "s"}, "s"),
        ({"group": "g", "taskset": None}, None),
        ({"group": None, "taskset": "s"}, "s"),
    ],
)
def test_a_taskset_wins_over_a_group(said, group):
    assert whole(**said).group_id == group


def test_callbacks_errbacks_and_a_chord_go_along():
    links = {"callbacks": [{"task": "a"}], "errbacks": [{"task": "b"}], "chord": {"task": "c"}}

    body = json.loads(whole(**links).body)

    assert body[2] == {**links, "chain": None}


@pytest.mark.parametrize(
    ("text", "utc", "hour"),
    [
        ("2026-01-01T12:00:00+00:00", True, 12),
        ("2026-01-01T14:00:00+02:00", False, 12),
        ("2026-01-01T12:00:00", True, 12),
        ("2026-01-01T12:00:00", False, 11),  # noon in Berlin
    ],
)
def test_dates_without_a_zone_are_utc_or_local_as_the_body_says(text, utc, hour):
    message = whole(eta=text, expires=text, utc=utc)

    assert message.eta == message.expires == NOON.replace(hour=hour)
    assert message.eta.tzinfo is UTC


def test_headers_of_an_old_message_are_kept_and_never_rename_it():
    message = whole(
        TaskMessage("", "", b"?", headers={"mine": 5, "compression": "x", "retries": 9}), retries=1
    )

    assert (message.task, message.id, message.retries) == ("shop.add", "v1", 1)
    assert message.headers["mine"] == 5
    assert "compression" not in message.headers


def hybrid(**fields: Any) -> TaskMessage:
    return TaskMessage("v2", "shop.sub", b"{}", **fields)


def test_a_hybrid_takes_from_its_body_what_its_headers_leave_out():
    message = whole(hybrid(), eta="2026-01-01T12:00:00", retries=2, root_id="r", group="g")

    assert (message.id, message.task, message.root_id) == ("v2", "shop.sub", "r")
    assert (message.eta, message.retries, message.group_id) == (NOON, 2, "g")
    assert json.loads(message.body)[:2] == [[1, 2], {"z": 3}]


def test_the_headers_of_a_hybrid_win_over_its_body():
    sent = hybrid(eta=NOON, headers={"retries": 3, "argsrepr": "(…)"})

    message = whole(sent, eta="2030-01-01T12:00:00", retries=2)

    assert (message.eta, message.retries, message.headers["argsrepr"]) == (NOON, 3, "(…)")


def test_a_named_message_with_another_body_is_left_to_whoever_runs_it():
    assert made_whole(hybrid(), {"no": "args"}, encode) == hybrid()
    assert made_whole(hybrid(), [1], encode) == hybrid()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        {"args": [], "kwargs": {}},
        {**OLD, "task": 5},
        {**OLD, "task": ""},
        {**OLD, "id": None},
        {**OLD, "args": "ab"},
        {**OLD, "kwargs": [1]},
        {**OLD, "eta": "soon"},
        {**OLD, "timelimit": ["x", 1]},
        {**OLD, "retries": "many"},
    ],
)
def test_what_is_no_message_is_refused(value):
    with pytest.raises(ValueError, match=r"its |header "):
        made_whole(NAMELESS, value, encode)


@given(
    body=st.dictionaries(
        st.sampled_from([*OLD, "root_id", "lang"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({}),
    ),
    named=st.booleans(),
)
def test_any_mapping_is_a_message_or_a_value_error(body, named):
    with suppress(ValueError):
        message = made_whole(hybrid() if named else NAMELESS, {**OLD, **body}, encode)
        json.dumps(headers_of(message))
        assert message.task
        assert message.id


WHOLE = ([[1], {}, {}], ([1], {}, {}), [(1,), {"a": 1}, {}])


@pytest.mark.parametrize("value", WHOLE)
def test_messages_of_protocol_2_are_not_looked_into(value):
    yaml, msgpack = pytest.importorskip("yaml"), pytest.importorskip("msgpack")
    bodies = {
        "application/json": json.dumps(value).encode(),
        "application/x-yaml": yaml.safe_dump(value).encode(),
        "application/x-msgpack": msgpack.packb(value),
        "application/x-python-serialize": pickle.dumps(value, 4),
        "application/data": b"e1NpZ25lZA==",
    }

    assert all(is_whole(TaskMessage("i", "t", body, kind)) for kind, body in bodies.items())
    early = pickle.dumps(value, 2)
    assert is_whole(TaskMessage("i", "t", early, "application/x-python-serialize"))
    assert is_whole(TaskMessage("i", "t", b"{", headers={"compression": "application/zstd"}))


def test_hybrids_are_known_by_their_first_bytes():
    yaml, msgpack = pytest.importorskip("yaml"), pytest.importorskip("msgpack")
    bodies = [
        ("application/json", json.dumps(OLD).encode()),
        ("application/json", b"\n " + json.dumps(OLD).encode()),
        ("application/x-yaml", yaml.safe_dump(OLD).encode()),
        ("application/x-msgpack", msgpack.packb(OLD)),
        ("application/x-msgpack", msgpack.packb({**OLD, "a": 1, "b": 2})),
        *(("application/x-python-serialize", pickle.dumps(OLD, n)) for n in (2, 3, 4, 5)),
    ]

    assert not any(is_whole(TaskMessage("i", "t", body, kind)) for kind, body in bodies)
    assert not is_whole(NAMELESS)


def test_a_date_that_a_serializer_has_read_already_is_taken():
    naive = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - as pickle and YAML bring it

    assert whole(eta=naive).eta == NOON
