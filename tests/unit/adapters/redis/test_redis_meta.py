"""Result documents: Celery's form, byte for byte, and whatever stands in Redis read back."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from celeriac.application.encoding import SerializerCodec
from celeriac.domain.documents.meta import Encoding, group_meta_of, meta_of
from celeriac.domain.documents.meta_reading import Ends, group_of, is_old, record_of
from celeriac.domain.errors import BackendGetMetaError
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, GroupRecord, ResultRecord
from celeriac.entrypoints.codecs import find_compressor, find_serializer

KEY = "celery-task-meta-a"
PICKLE = "application/x-python-serialize"
DONE = datetime(2026, 11, 20, 11, 22, 50, 19962, tzinfo=UTC)
PLAIN = ResultRecord("a", "SUCCESS", Payload(b"5"), date_done=DONE)


def pickles(accept="pickle"):
    codec = SerializerCodec(find_serializer, "pickle", [accept], find_compressor)
    return Encoding(PICKLE, "binary", codec)


def test_a_document_is_celerys_with_the_result_as_it_is():
    document = meta_of(replace(PLAIN, result=Payload(b'{"a":  1}')))

    assert document == (
        b'{"status": "SUCCESS", "result": {"a":  1}, "traceback": null, "children": [], '
        b'"date_done": "2026-11-20T11:22:50.019962+00:00", "task_id": "a"}'
    )


def test_what_a_task_belongs_to_and_what_is_extended_come_after():
    record = replace(
        PLAIN,
        group_id="g",
        parent_id="p",
        extended=Extended(
            "tasks.add",
            Payload(b"[1, 2]"),
            Payload(b"{}"),
            "w@host",
            1,
            "jobs",
            stamped_headers=("team", "status"),
            stamps={"team": ["red"], "status": "no state"},
        ),
    )

    said = json.loads(meta_of(record))

    assert list(said.items())[5:] == [
        ("task_id", "a"),
        ("group_id", "g"),
        ("parent_id", "p"),
        ("name", "tasks.add"),
        ("args", [1, 2]),
        ("kwargs", {}),
        ("worker", "w@host"),
        ("retries", 1),
        ("queue", "jobs"),
        ("stamped_headers", ["team", "status"]),
        ("team", ["red"]),
    ]
    assert said["status"] == "SUCCESS"


@pytest.mark.parametrize(
    "record",
    [
        PLAIN,
        replace(PLAIN, result=None),
        replace(PLAIN, state='odd " state', date_done=None),
        replace(PLAIN, result=Payload(b'"\\ud800 \xc3\xa4 \\", \\"traceback\\": "')),
        replace(PLAIN, state="FAILURE", traceback='Traceback:\n  "\ud800"'),
        replace(PLAIN, children=([["b", None], None],), group_id="g", parent_id="p"),
        replace(PLAIN, result=Payload(b"\x80\xff", PICKLE, "binary")),
        replace(PLAIN, result=Payload(b"x\x9c", compression="application/x-gzip")),
        replace(
            PLAIN,
            extended=Extended(
                "t", Payload(b"[1]"), None, "w", 0, "q", ("team",), {"team": ["red"]}
            ),
        ),
    ],
    ids=lambda record: f"{record.state} {record.result}",
)
def test_what_was_written_is_read_back(record):
    assert record_of(meta_of(record), KEY) == record


def test_a_result_of_null_is_no_result():
    assert record_of(meta_of(replace(PLAIN, result=Payload(b"null"))), KEY).result is None


def test_a_document_in_another_order_with_other_keys_is_read():
    document = {
        "unheard of": [1],
        "task_id": "a",
        "result": {"deep": [1, "ä"]},
        "status": "STARTED",
        "children": None,
        "date_done": "2026-11-20T11:22:50.019962",
    }

    record = record_of(json.dumps(document).encode(), KEY)

    assert record == ResultRecord(
        "a", "STARTED", Payload(b'{"deep": [1, "\\u00e4"]}'), date_done=DONE
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"[]",
        b"5",
        b"{}",
        b'{"status": "SUCCESS"',
        b'{"status": "SUCCESS", "result": ',
        b'{"status": "SUCCESS", "result": 5, "traceback": nul',
        b'{"status": "SUCCESS", "result": 5, "traceback": null}',
        b'{"status": 5, "task_id": "a"}',
        b'{"status": "SUCCESS", "task_id": "a", "children": 5}',
        b'{"status": "SUCCESS", "task_id": "a", "date_done": "yesterday"}',
        b'{"status": "SUCCESS", "task_id": "a", "result": {"__celeriac_payload__": 1}}',
        b"[" * 100_000,
        pickle.dumps({"status": "SUCCESS"}),
        b"\x00celery-compressed\x00application/x-gzip\x00rubbish",
    ],
    ids=lambda data: repr(data[:40]),
)
@pytest.mark.parametrize("encoding", [Encoding(), pickles("json")], ids=["json", "no pickles"])
def test_what_is_no_document_is_refused_by_its_key(data, encoding):
    with pytest.raises(BackendGetMetaError, match=KEY) as refused:
        record_of(data, KEY, encoding)

    assert refused.value.task_id == "a"


def test_with_another_serializer_the_whole_document_is_encoded():
    encoding = pickles()
    record = replace(PLAIN, result=Payload(pickle.dumps({1, 2}), PICKLE, "binary"), group_id="g")

    document = meta_of(record, encoding)

    assert pickle.loads(document) == {
        "status": "SUCCESS",
        "result": {1, 2},
        "traceback": None,
        "children": [],
        "date_done": DONE.isoformat(),
        "task_id": "a",
        "group_id": "g",
    }
    found = record_of(document, KEY, encoding)
    assert encoding.codec.decode(found.result) == {1, 2}
    assert replace(found, result=None) == replace(record, result=None)


def test_a_compressed_result_makes_celerys_compressed_document():
    codec = SerializerCodec(find_serializer, "json", ["json"], find_compressor)
    encoding = Encoding(codec=codec)
    record = replace(PLAIN, result=codec.encode("x" * 500, compression="zlib"))

    document = meta_of(record, encoding)

    assert document.startswith(b"\x00celery-compressed\x00application/x-gzip\x00")
    assert len(document) < 300
    assert codec.decode(record_of(document, KEY, encoding).result) == "x" * 500


def test_what_result_compression_asks_for_is_read_back_dates_included():
    codec = SerializerCodec(find_serializer, "json", ["json"], find_compressor)
    encoding = Encoding(codec=codec, compression="zstd")
    value = {"when": DONE, "what": b"\xff"}
    record = replace(PLAIN, result=codec.encode(value))

    document = meta_of(record, encoding)

    assert document.startswith(b"\x00celery-compressed\x00application/zstd\x00")
    found = record_of(document, KEY, Encoding(codec=codec))
    assert codec.decode(found.result) == value
    assert replace(found, result=None) == replace(record, result=None)


def test_a_group_is_celerys_with_a_time_beside_it():
    group = GroupRecord("g", [["g", None], [[["a", None], None]]], DONE)

    document = group_meta_of(group)

    assert json.loads(document) == {"result": group.result, "date_done": DONE.isoformat()}
    assert group_of(document, KEY, "g", datetime.now(UTC)) == group


def test_a_group_of_celerys_counts_as_saved_when_it_is_read():
    document = b'{"result": [["g", null], []]}'

    assert group_of(document, KEY, "g", DONE) == GroupRecord("g", [["g", None], []], DONE)


def test_what_is_no_group_is_refused_by_its_key():
    with pytest.raises(BackendGetMetaError, match="celery-taskset-meta-g"):
        group_of(b"[]", "celery-taskset-meta-g", "g", DONE)


@pytest.mark.parametrize(
    ("data", "old"),
    [
        (meta_of(PLAIN), True),
        (meta_of(replace(PLAIN, state="RETRY")), False),
        (meta_of(replace(PLAIN, date_done=None)), False),
        (meta_of(replace(PLAIN, date_done=DONE.replace(year=2027))), False),
        (group_meta_of(GroupRecord("g", [], DONE)), True),
        (b'{"result": []}', False),
        (b"rubbish", False),
    ],
)
def test_only_what_was_certainly_done_before_is_old(data, old):
    later = DONE.replace(day=21)

    assert is_old(data, Ends(later, later)) is old


@pytest.mark.parametrize(
    ("state", "ends", "old"),
    [
        ("SUCCESS", (21, None), True),
        ("SUCCESS", (None, 21), False),
        ("REVOKED", (None, 21), False),
        ("FAILURE", (None, 21), True),
        ("FAILURE", (21, None), False),
        ("FAILURE", (21, 19), False),
    ],
)
def test_a_failure_grows_old_in_a_time_of_its_own(state, ends, old):
    when = Ends(*(day and DONE.replace(day=day) for day in ends))

    assert is_old(meta_of(replace(PLAIN, state=state)), when) is old
