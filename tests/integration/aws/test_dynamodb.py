"""The table itself, what goes wrong with it, and a worker whose results are in it."""

from __future__ import annotations

import os
import socket
import time

import pytest

from celeriac import Celeriac, chord, group
from celeriac.adapters.aws import connecting
from celeriac.adapters.aws.dynamodb.results import MAX_BYTES, DynamoResults
from celeriac.adapters.aws.dynamodb.store import DynamoStore
from celeriac.adapters.host.clock import SystemClock
from celeriac.domain.errors import (
    BackendGetMetaError,
    BackendUnavailable,
    ImproperlyConfigured,
    ResultTooLarge,
)
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import GroupRecord, ResultRecord
from celeriac.entrypoints.testing.embedded_worker import running_worker
from tests.contracts.samples import part, record


@pytest.fixture
def results_at():
    """Make result backends of URLs."""
    made = []

    def make(url, **settings):
        store = DynamoStore.from_url(url, clock=SystemClock(), settings=settings)
        made.append(DynamoResults(store))
        return made[-1]

    yield make
    for results in made:
        results.close()


def items(dynamodb, table):
    return {item["id"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}


# -- the table


def test_a_table_is_made_on_first_use_and_paid_for_each_request(dynamodb, table, url, results_at):
    results_at(url).store([record("a")])

    made = dynamodb.describe_table(TableName=table)["Table"]
    assert made["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_is_made_with_the_capacity_that_the_url_names(dynamodb, table, url, results_at):
    results_at(f"{url}?read=2&write=3").open()

    units = dynamodb.describe_table(TableName=table)["Table"]["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (2, 3)


def test_a_table_that_is_there_is_used_as_it_is(dynamodb, table, url, results_at):
    results_at(url).store([record("a")])

    (found,) = results_at(f"{url}?read=9&write=9").fetch(["a"])

    assert found.state == "SUCCESS"
    made = dynamodb.describe_table(TableName=table)["Table"]
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_what_is_kept_for_a_time_says_until_when(dynamodb, table, url, results_at):
    results = results_at(f"{url}?ttl_seconds=600")
    results.store([record("a")])
    results.save_groups([GroupRecord("g", [], results.dynamo.clock.now())])
    results.count_parts([part("a")])

    told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    left = {
        name: int(item["ttl"]["N"]) - time.time() for name, item in items(dynamodb, table).items()
    }
    assert len(left) == 5
    assert all(500 < seconds <= 600 for seconds in left.values())


def test_what_is_kept_for_ever_says_nothing(dynamodb, table, url, results_at):
    results_at(url).store([record("a")])

    (item,) = items(dynamodb, table).values()
    assert "ttl" not in item


def test_time_to_live_is_switched_off_where_the_url_says_so(dynamodb, table, url, results_at):
    results_at(f"{url}?ttl_seconds=600").open()

    results_at(f"{url}?ttl_seconds=-1").store([record("a")])

    told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told["TimeToLiveStatus"] == "DISABLED"
    (item,) = items(dynamodb, table).values()
    assert "ttl" not in item


def test_time_to_live_by_another_attribute_is_left_alone_and_told(dynamodb, table, url, results_at):
    results_at(url).open()
    other = {"Enabled": True, "AttributeName": "ends"}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=other)

    with pytest.raises(ImproperlyConfigured, match="goes by 'ends'"):
        results_at(f"{url}?ttl_seconds=600").open()


def test_a_table_that_was_deleted_is_told_and_made_anew(dynamodb, table, url, results_at):
    results = results_at(url)
    results.store([record("a")])
    dynamodb.delete_table(TableName=table)

    with pytest.raises(BackendUnavailable, match="the table is gone"):
        results.store([record("b")])

    results.store([record("b")])
    assert [one and one.task_id for one in results.fetch(["a", "b"])] == [None, "b"]


def test_nothing_of_a_chord_is_left_once_it_is_closed_and_forgotten(
    dynamodb, table, url, results_at
):
    results = results_at(url)
    results.count_parts([part(f"t{n}", n, size=150) for n in range(150)])
    assert len(items(dynamodb, table)) == 150 + 2 + 1

    results.close_chords(["g"])

    assert list(items(dynamodb, table)) == ["celeriac-chord:g"]
    results.forget_groups(["g"])
    assert items(dynamodb, table) == {}


def test_a_chord_of_which_a_part_is_gone_is_not_taken_for_whole(dynamodb, table, url, results_at):
    results = results_at(url)
    results.count_parts([part("a"), part("b", 1)])
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "celeriac-part:1:g:a"}})

    with pytest.raises(BackendGetMetaError, match=r"of 2 parts .* only 1 are left: ttl_seconds"):
        results.fetch_parts("g")


def test_a_document_beyond_an_item_is_refused_with_its_batch(url, results_at):
    results = results_at(url)
    large = ResultRecord("a", "SUCCESS", Payload(b"1" * MAX_BYTES), "x" * 150_000)

    with pytest.raises(ResultTooLarge):
        results.store([record("b"), large])

    assert results.fetch(["a", "b"]) == [None, None]


def test_the_largest_result_is_kept_whatever_it_is_made_of(url, results_at):
    results = results_at(url)
    binary = Payload(b"\xff" * MAX_BYTES, "application/x-python-serialize", "binary")
    stored = ResultRecord("a", "SUCCESS", binary)

    results.store([stored])

    assert results.fetch(["a"]) == [stored]


# -- what goes wrong


def test_nobody_at_the_endpoint_is_told(results_at):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        with pytest.raises(BackendUnavailable, match="cannot be reached"):
            results_at(f"dynamodb://key:secret@127.0.0.1:{port}/t").open()


def test_an_endpoint_that_says_nothing_is_not_waited_for_for_ever(results_at, monkeypatch):
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        with pytest.raises(BackendUnavailable, match="did not answer within"):
            results_at(f"dynamodb://key:secret@127.0.0.1:{port}/t").open()


def test_missing_credentials_are_told(endpoint, results_at, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(ImproperlyConfigured, match="no credentials"):
        results_at("dynamodb://eu-west-1/t", dynamodb_endpoint_url=endpoint).open()
    with pytest.raises(ImproperlyConfigured, match="no region"):
        results_at("dynamodb:///t").open()


def test_credentials_are_found_where_boto3_looks(endpoint, results_at, monkeypatch, table):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    results = results_at(f"dynamodb://eu-west-1/{table}", dynamodb_endpoint_url=endpoint)

    results.store([record("a")])

    assert results.url == f"dynamodb://{endpoint.removeprefix('http://')}/{table}"
    assert [one.task_id for one in results.fetch(["a"])] == ["a"]


def test_a_child_process_has_connections_of_its_own(url, results_at):
    results = results_at(url)
    results.store([record("a")])

    child = os.fork()
    if not child:
        found = results.fetch(["a"])
        os._exit(0 if found[0] is not None else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [one.task_id for one in results.fetch(["a"])] == ["a"]


# -- a worker


def test_a_worker_keeps_results_chords_and_groups_there(url, tmp_path):
    app = Celeriac("shop", broker=f"sqlite:///{tmp_path}/shop.db", backend=url)

    @app.task
    def add(first, second):
        return first + second

    @app.task
    def total(numbers):
        return sum(numbers)

    @app.task
    def refuse():
        raise ValueError("this shop is closed")

    with running_worker(app):
        assert add.delay(2, 3).get(timeout=30) == 5
        assert chord((add.s(n, n) for n in range(5)), total.s()).delay().get(timeout=30) == 20
        both = group(add.s(1, 1), add.s(2, 2)).delay()
        both.save()
        assert app.GroupResult.restore(both.id).get(timeout=30) == [2, 4]
        failed = refuse.delay()
        with pytest.raises(ValueError, match="closed"):
            failed.get(timeout=30)
        assert "this shop is closed" in failed.traceback
        failed.forget()
        assert failed.state == "PENDING"
    app.close()
