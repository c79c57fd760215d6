"""Results on Redis are the same for Celery's processes and ours, in both directions."""

from __future__ import annotations

import gc
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.store import RedisStore
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, GroupRecord, ResultRecord
from celeriac.entrypoints.codecs import find_compressor, find_serializer

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]

DONE = datetime(2026, 11, 20, 11, 22, 50, tzinfo=UTC)
PICKLE = "application/x-python-serialize"
FIVE = Payload(b"5")
FAILURE = Payload(
    b'{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}',
)


@pytest.fixture
def prefix(redis_url):
    prefix = f"test_{secrets.token_hex(6)}"
    yield prefix
    with RedisStore(redis_url, clock=SystemClock()).subscriber() as client:
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)


@pytest.fixture
def results(redis_url, prefix):
    store = RedisStore(redis_url, clock=SystemClock())
    results = RedisResults(store, key_prefix=prefix)
    yield results
    results.close()
    store.close()


@pytest.fixture
def celery_app(redis_url, prefix):
    app = Celery(backend=redis_url, set_as_current=False)
    app.conf.result_backend_transport_options = {"global_keyprefix": prefix}
    yield app
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()
    app.close()
    # Celery's backend is part of cycles, and some of them hold sockets.
    del app
    gc.collect()


def record(task_id, state="SUCCESS", result=FIVE, **fields):
    return ResultRecord(task_id, state, result, date_done=DONE, **fields)


def test_celery_reads_our_success_and_our_failure(results, celery_app):
    failed = record("b", "FAILURE", FAILURE, traceback="Traceback: here")
    results.store([record("a", children=([["c", None], None],)), failed])

    good, bad = (AsyncResult(task_id, app=celery_app) for task_id in "ab")

    assert (good.state, good.result, good.date_done) == ("SUCCESS", 5, DONE)
    assert [child.id for child in good.children] == ["c"]
    assert (bad.state, repr(bad.result), bad.traceback) == (
        "FAILURE",
        "ValueError('no')",
        "Traceback: here",
    )


def test_celery_reads_what_extends_our_results(results, celery_app):
    extended = Extended("tasks.add", Payload(b"[1, 2]"), Payload(b"{}"), "w@host", 1, "jobs")
    results.store([record("a", extended=extended)])

    read = AsyncResult("a", app=celery_app)

    assert (read.name, read.args, read.kwargs) == ("tasks.add", [1, 2], {})
    assert (read.worker, read.retries, read.queue) == ("w@host", 1, "jobs")


def test_we_read_celerys_success_failure_and_retry(results, celery_app):
    backend = celery_app.backend
    backend.store_result("a", {"text": "ä"}, "SUCCESS")
    backend.mark_as_failure("b", ValueError("no"), traceback="Traceback: here")
    backend.mark_as_retry("c", KeyError("again"), traceback="Traceback: there")

    good, bad, again = results.fetch("abc")

    assert good == ResultRecord(
        "a", "SUCCESS", Payload(b'{"text": "\\u00e4"}'), date_done=good.date_done
    )
    assert bad == ResultRecord(
        "b",
        "FAILURE",
        Payload(b'{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}'),
        "Traceback: here",
        date_done=bad.date_done,
    )
    assert (again.state, again.date_done) == ("RETRY", None)


def test_a_waiting_celery_client_is_told_of_our_result(results, celery_app):
    handle = AsyncResult("a", app=celery_app)
    assert handle.state == "PENDING"
    handle.backend.add_pending_result(handle)
    results.store([record("a", "STARTED", None)])
    storing = Thread(target=lambda: results.store([record("a")]))

    storing.start()

    assert handle.get(timeout=20) == 5
    storing.join(timeout=30)


def test_our_watch_is_told_of_celerys_result(results, celery_app):
    seen = []
    watching = Thread(target=lambda: seen.extend(results.watch(["a", "b"], wait=20)))
    watching.start()

    celery_app.backend.store_result("b", 5, "SUCCESS")

    watching.join(timeout=30)
    (one,) = seen
    assert one == ResultRecord("b", "SUCCESS", FIVE, date_done=one.date_done)


def test_neither_replaces_a_success_of_the_other(results, celery_app):
    results.store([record("a")])
    celery_app.backend.store_result("b", 5, "SUCCESS")

    celery_app.backend.store_result("a", None, "STARTED")
    results.store([record("b", "FAILURE", FAILURE)])

    assert [one.state for one in results.fetch("ab")] == ["SUCCESS", "SUCCESS"]


def test_saved_groups_are_shared(results, celery_app):
    members = [AsyncResult(task_id, app=celery_app) for task_id in "ab"]
    saved = GroupResult("g", members, app=celery_app)
    saved.save(backend=celery_app.backend)
    results.save_groups([GroupRecord("h", [["h", None], [[["c", None], None]]], DONE)])

    (found,) = results.fetch_groups(["g"])
    restored = GroupResult.restore("h", backend=celery_app.backend, app=celery_app)

    assert found.result == [["g", None], [[["a", None], None], [["b", None], None]]]
    assert (restored.id, [child.id for child in restored]) == ("h", ["c"])


def test_pickled_results_are_shared_where_both_use_pickle(results, celery_app):
    celery_app.conf.update(result_serializer="pickle", result_accept_content=["pickle"])
    codec = SerializerCodec(find_serializer, "pickle", ["pickle"])
    pickled = RedisResults(
        results.redis,
        key_prefix=results.task_key("").removesuffix("_celery-task-meta-"),
        content_type=PICKLE,
        content_encoding="binary",
        codec=codec,
    )
    celery_app.backend.store_result("a", {1, 2}, "SUCCESS")

    pickled.store([record("b", result=codec.encode({3})), record("a", "FAILURE", codec.encode(4))])

    assert AsyncResult("b", app=celery_app).result == {3}
    (kept,) = pickled.fetch(["a"])
    assert (kept.state, codec.decode(kept.result)) == ("SUCCESS", {1, 2})


def test_a_document_no_script_can_read_gives_way_to_ready_states_only_when_it_may(results):
    codec = SerializerCodec(find_serializer, "pickle", ["pickle"])
    pickled = RedisResults(
        results.redis,
        key_prefix=results.task_key("").removesuffix("_celery-task-meta-"),
        content_type=PICKLE,
        content_encoding="binary",
        codec=codec,
    )
    failed = record("a", "FAILURE", codec.encode("no"))
    pickled.store([failed, record("b", "STARTED", codec.encode(None))])

    pickled.store([record("a", "STARTED", None), replace(failed, task_id="b")])

    assert [one.state for one in pickled.fetch("ab")] == ["FAILURE", "FAILURE"]
    pickled.store([record("a", result=codec.encode(5))])
    assert [one.state for one in pickled.fetch("ab")] == ["SUCCESS", "FAILURE"]


@pytest.mark.parametrize("compression", ["zlib", "bzip2", "lzma", "brotli", "zstd"])
def test_compressed_results_are_shared_whoever_of_the_two_compresses(
    results, celery_app, compression
):
    celery_app.conf.update(result_compression=compression)
    codec = SerializerCodec(find_serializer, "json", ["json"], find_compressor)
    ours = RedisResults(
        results.redis,
        key_prefix=results.task_key("").removesuffix("_celery-task-meta-"),
        codec=codec,
        compression=compression,
    )
    celery_app.backend.store_result("a", ["a" * 500, DONE], "SUCCESS")

    ours.store([record("b", result=codec.encode(["b" * 500, DONE]))])
    ours.store([record("a", "FAILURE", codec.encode(4))])

    assert AsyncResult("b", app=celery_app).result == ["b" * 500, DONE]
    (kept,) = ours.fetch(["a"])
    assert (kept.state, codec.decode(kept.result)) == ("SUCCESS", ["a" * 500, DONE])
    raw = [celery_app.backend.client.get(results.task_key(one)) for one in "ab"]
    assert all(one.startswith(b"\x00celery-compressed\x00") and len(one) < 500 for one in raw)
