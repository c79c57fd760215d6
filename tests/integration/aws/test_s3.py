"""Results in S3: with Celery's either way, by a worker, and what goes wrong."""

from __future__ import annotations

import json
import os
import secrets
import socket
from datetime import UTC, datetime
from threading import Event

import pytest

from celeriac import Celeriac, chord
from celeriac.adapters.aws import connecting
from celeriac.adapters.aws.s3.bucket import S3Bucket
from celeriac.adapters.aws.s3.results import S3Results
from celeriac.adapters.host.clock import SystemClock
from celeriac.domain.errors import BackendUnavailable, ImproperlyConfigured, NotSupported
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import GroupRecord, ResultRecord
from celeriac.entrypoints.testing.embedded_worker import running_worker
from tests.contracts.samples import record

celery = pytest.importorskip("celery")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def results_of():
    """Make result backends of settings."""
    made = []

    def make(settings, url="s3://"):
        bucket = S3Bucket.from_settings(url, clock=SystemClock(), settings=settings)
        made.append(S3Results(bucket))
        return made[-1]

    yield make
    for results in made:
        results.close()


@pytest.fixture
def ours(results_of, s3_settings):
    return results_of(s3_settings)


@pytest.fixture
def theirs(s3_settings):
    app = celery.Celery("theirs", broker="memory://", set_as_current=False)
    app.conf.update(s3_settings)
    return app


# -- Celery's


def test_celery_reads_what_we_write(theirs, ours):
    failure = b'{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}'
    children = ([["child", None], None],)
    ours.store(
        [
            ResultRecord("a", "SUCCESS", Payload(b'{"a": [1]}'), None, children, NOON),
            ResultRecord("b", "FAILURE", Payload(failure), "Traceback", date_done=NOON),
        ]
    )
    ours.save_groups([GroupRecord("g", [["g", None], [[["a", None], None]]], NOON)])

    done, failed = theirs.AsyncResult("a"), theirs.AsyncResult("b")
    assert (done.state, done.get(timeout=5)) == ("SUCCESS", {"a": [1]})
    assert [child.id for child in done.children] == ["child"]
    assert (failed.state, failed.traceback, failed.date_done) == ("FAILURE", "Traceback", NOON)
    assert (type(failed.result), failed.result.args) == (ValueError, ("no",))
    restored = celery.result.GroupResult.restore("g", backend=theirs.backend, app=theirs)
    assert [one.id for one in restored.results] == ["a"]


def test_we_read_what_celery_writes(theirs, ours):
    theirs.backend.store_result("a", {"a": [1]}, "SUCCESS")
    theirs.backend.store_result("b", ValueError("no"), "FAILURE", traceback="Traceback")
    theirs.GroupResult("g", [theirs.AsyncResult("a")]).save(backend=theirs.backend)

    done, failed, none = ours.fetch(["a", "b", "unheard"])
    (group,) = ours.fetch_groups(["g"])

    assert (done.task_id, done.state, done.result) == ("a", "SUCCESS", Payload(b'{"a": [1]}'))
    assert (failed.state, failed.traceback) == ("FAILURE", "Traceback")
    assert none is None
    assert group.result == [["g", None], [[["a", None], None]]]
    assert abs((datetime.now(UTC) - group.date_done).total_seconds()) < 60


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("STARTED", "SUCCESS", "SUCCESS"),
        ("SUCCESS", "FAILURE", "SUCCESS"),
        ("FAILURE", "STARTED", "FAILURE"),
    ],
)
def test_what_celery_wrote_gives_way_as_ours_does(theirs, ours, first, second, kept):
    theirs.backend.store_result("a", ValueError("no") if first == "FAILURE" else first, first)

    ours.store([record("a", second)])

    assert [one.state for one in ours.fetch(["a"])] == [kept]


def test_celery_leaves_our_success_alone_and_forgets_it(theirs, ours):
    ours.store([record("a")])

    theirs.backend.store_result("a", "later", "FAILURE")
    assert [one.state for one in ours.fetch(["a"])] == ["SUCCESS"]

    theirs.AsyncResult("a").forget()
    assert ours.fetch(["a"]) == [None]


def test_an_objects_key_is_the_base_path_and_celerys_key(s3, s3_settings, ours):
    ours.store([record("a")])

    said = s3.get_object(Bucket=s3_settings["s3_bucket"], Key="results/celery-task-meta-a")
    assert json.loads(said["Body"].read())["status"] == "SUCCESS"


# -- what goes wrong


def test_a_bucket_that_is_not_there_is_told_and_not_made(s3, s3_settings, results_of):
    results = results_of({**s3_settings, "s3_bucket": "nobodys"})

    with pytest.raises(ImproperlyConfigured, match=r"no bucket 'nobodys'.*s3_bucket"):
        results.open()
    with pytest.raises(BackendUnavailable, match=r"no bucket 'nobodys'.*s3_bucket"):
        results.store([record("a")])

    assert "nobodys" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_a_bucket_that_was_deleted_is_told(s3, s3_settings, ours):
    ours.open()
    s3.delete_bucket(Bucket=s3_settings["s3_bucket"])

    # Unavailable, so that a worker keeps what it has until the bucket is there again.
    with pytest.raises(BackendUnavailable, match="no such bucket"):
        ours.store([record("a")])

    s3.create_bucket(Bucket=s3_settings["s3_bucket"])
    ours.store([record("a")])
    assert [one.task_id for one in ours.fetch(["a"])] == ["a"]


def test_an_address_or_a_missing_bucket_is_refused_in_words(s3_settings, results_of):
    with pytest.raises(ImproperlyConfigured, match="just 's3://'; name the bucket in s3_bucket"):
        results_of(s3_settings, "s3://bucket/path")
    with pytest.raises(ImproperlyConfigured, match="s3_bucket is not set"):
        results_of({**s3_settings, "s3_bucket": None})
    with pytest.raises(ImproperlyConfigured, match="lack the secret"):
        results_of({**s3_settings, "s3_secret_access_key": None})


def test_missing_credentials_are_told(s3_settings, results_of, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    none = {"s3_access_key_id": None, "s3_secret_access_key": None}

    with pytest.raises(ImproperlyConfigured, match="no credentials"):
        results_of({**s3_settings, **none}).open()


def test_an_endpoint_that_says_nothing_is_not_waited_for_for_ever(
    s3_settings, results_of, monkeypatch
):
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(BackendUnavailable, match="did not answer within"):
            results_of({**s3_settings, "s3_endpoint_url": endpoint}).open()


# -- a worker


@pytest.fixture
def app(s3_settings, tmp_path):
    app = Celeriac("shop", broker=f"sqlite:///{tmp_path}/shop.db", set_as_current=False)
    app.conf.update(s3_settings)
    yield app
    app.close()


def test_a_worker_keeps_results_there_and_polls_for_chords(app):
    app.conf.update(result_chord_polling=True, result_chord_retry_interval=0.1)

    @app.task
    def add(first, second):
        return first + second

    @app.task
    def total(numbers):
        return sum(numbers)

    with running_worker(app):
        assert add.delay(2, 3).get(timeout=30) == 5
        assert chord((add.s(n, n) for n in range(3)), total.s()).delay().get(timeout=60) == 6


def test_a_worker_keeps_what_it_has_done_until_the_bucket_is_there(app, s3):
    app.conf.s3_bucket = f"late-{secrets.token_hex(6)}"
    done = Event()

    @app.task
    def add(first, second):
        done.set()
        return first + second

    with running_worker(app):
        sent = add.delay(2, 3)
        assert done.wait(30)
        with pytest.raises(BackendUnavailable, match="no bucket"):
            app.results.fetch([sent.id])
        s3.create_bucket(Bucket=app.conf.s3_bucket)

        assert sent.get(timeout=60) == 5


def test_a_chord_that_nobody_would_complete_is_refused(app):
    @app.task
    def total(numbers):
        return sum(numbers)

    with pytest.raises(NotSupported, match="result_chord_polling=True"):
        chord([total.s([1]), total.s([2])], total.s()).delay()
