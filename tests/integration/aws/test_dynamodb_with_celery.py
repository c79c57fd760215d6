"""Results in DynamoDB that Celery reads of ours, and we of Celery's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from celeriac import Celeriac
from celeriac.adapters.aws.dynamodb.results import DynamoResults
from celeriac.adapters.aws.dynamodb.store import DynamoStore
from celeriac.adapters.host.clock import SystemClock
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import GroupRecord, ResultRecord
from tests.contracts.samples import record

celery = pytest.importorskip("celery")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["", "?ttl_seconds=3600"], ids=["for ever", "for an hour"])
def url(url, request):
    return url + request.param


@pytest.fixture
def theirs(url):
    return celery.Celery("theirs", broker="memory://", backend=url, set_as_current=False)


@pytest.fixture
def ours(url):
    store = DynamoStore.from_url(url, clock=SystemClock(), settings={})
    results = DynamoResults(store)
    yield results
    results.close()


def test_celery_reads_what_we_write(theirs, ours):
    failure = b'{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}'
    children = ([["child", None], None],)
    ours.store(
        [
            ResultRecord("täsk", "SUCCESS", Payload(b'{"a": [1]}'), None, children, NOON),
            ResultRecord("b", "FAILURE", Payload(failure), "Traceback", date_done=NOON),
            ResultRecord("c", "PROGRESS", Payload(b'{"done": 3}')),
        ]
    )

    done, failed = theirs.AsyncResult("täsk"), theirs.AsyncResult("b")
    assert (done.state, done.get(timeout=5)) == ("SUCCESS", {"a": [1]})
    assert [child.id for child in done.children] == ["child"]
    assert (failed.state, failed.traceback, failed.date_done) == ("FAILURE", "Traceback", NOON)
    assert (type(failed.result), failed.result.args) == (ValueError, ("no",))
    assert theirs.AsyncResult("c").info == {"done": 3}


def test_we_read_what_celery_writes(theirs, ours):
    @theirs.task(name="child", shared=False)
    def child():
        return 1

    @theirs.task(name="parent", trail=True, shared=False)
    def parent():
        child.apply_async(task_id="child")
        return {"a": [1]}

    theirs.conf.task_store_eager_result = True
    parent.apply(task_id="täsk")
    theirs.backend.store_result("b", ValueError("no"), "FAILURE", traceback="Traceback")

    done, failed, none = ours.fetch(["täsk", "b", "unheard"])

    assert (done.task_id, done.state, done.result) == ("täsk", "SUCCESS", Payload(b'{"a": [1]}'))
    assert list(done.children) == [[["child", None], None]]
    assert done.date_done is not None
    assert (failed.state, failed.traceback) == ("FAILURE", "Traceback")
    assert b'"ValueError"' in failed.result.data
    assert none is None
    assert [one.task_id for one in ours.watch(["täsk"], 0)] == ["täsk"]


def test_groups_are_read_either_way(theirs, ours):
    pair = [theirs.AsyncResult("a"), theirs.AsyncResult("b")]
    saved = theirs.GroupResult("theirs", pair)
    saved.save(backend=theirs.backend)
    ours.save_groups([GroupRecord("ours", [["ours", None], [[["a", None], None]]], NOON)])

    (group,) = ours.fetch_groups(["theirs"])

    assert group.result == [["theirs", None], [[["a", None], None], [["b", None], None]]]
    assert group.date_done <= datetime.now(UTC)
    restored = celery.result.GroupResult.restore("ours", backend=theirs.backend, app=theirs)
    assert [one.id for one in restored.results] == ["a"]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("STARTED", "SUCCESS", "SUCCESS"),
        ("SUCCESS", "FAILURE", "SUCCESS"),
        ("FAILURE", "STARTED", "FAILURE"),
        ("FAILURE", "SUCCESS", "SUCCESS"),
        ("RETRY", "STARTED", "STARTED"),
    ],
)
@pytest.mark.parametrize("beside", [0, 3])
def test_what_celery_wrote_gives_way_as_ours_does(theirs, ours, first, second, kept, beside):
    value = ValueError("no") if first in ("FAILURE", "RETRY") else first
    theirs.backend.store_result("a", value, first)

    ours.store([record(f"beside {n}") for n in range(beside)] + [record("a", second)])

    found = ours.fetch(["a", *(f"beside {n}" for n in range(beside))])
    assert [one.state for one in found] == [kept, *["SUCCESS"] * beside]


def test_celery_leaves_our_success_alone_and_forgets_it(theirs, ours):
    ours.store([record("a")])

    theirs.backend.store_result("a", "later", "FAILURE")
    assert [one.state for one in ours.fetch(["a"])] == ["SUCCESS"]

    theirs.AsyncResult("a").forget()
    assert ours.fetch(["a"]) == [None]


def test_what_celery_wrote_expires(theirs, ours):
    theirs.backend.store_result("a", 1, "SUCCESS")
    theirs.GroupResult("g", [theirs.AsyncResult("a")]).save(backend=theirs.backend)

    assert ours.expire(NOON, NOON) == 0
    tomorrow = datetime(2126, 1, 1, tzinfo=UTC)
    assert ours.expire(tomorrow, tomorrow) == 2
    assert (ours.fetch(["a"]), ours.fetch_groups(["g"])) == ([None], [None])


@pytest.mark.parametrize(
    "settings",
    [
        {"result_compression": "zlib"},
        {"result_serializer": "pickle", "accept_content": ["pickle", "json"]},
        {"result_backend_transport_options": {"global_keyprefix": "shop"}},
        {"result_extended": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_either_reads_the_other_by_the_same_settings(url, theirs, settings):
    theirs.conf.update(settings)
    app = Celeriac("ours", broker="memory://", backend=url, set_as_current=False)
    app.conf.update(settings)
    theirs.backend.store_result("theirs", {"long": "x" * 500}, "SUCCESS")

    assert app.AsyncResult("theirs").get(timeout=5) == {"long": "x" * 500}

    payload = app.container.results()._encoding.codec.encode({"long": "y" * 500})
    app.results.store([ResultRecord("ours", "SUCCESS", payload, date_done=NOON)])
    assert theirs.AsyncResult("ours").get(timeout=5) == {"long": "y" * 500}
    app.close()
