"""call, result, status, purge and report, on an app that lives in memory."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker, work_off

from .conftest import CeleriacCommand


def test_call_sends_a_task_and_prints_its_id(celeriac: CeleriacCommand, app: Celeriac):
    done = celeriac("call", "shop.add", "--args", "[2]", "--kwargs", '{"y": 3}')

    work_off(app)
    assert done.exit_code == 0
    assert app.AsyncResult(done.output.strip()).get(timeout=1) == 5


def test_call_sends_tasks_that_are_not_known_here(celeriac: CeleriacCommand, app: Celeriac):
    done = celeriac("call", "elsewhere.task", "--queue", "far")

    assert done.exit_code == 0
    assert app.broker.purge(["far"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-a", "2, 3"], "is not JSON"),
        (["-a", '{"x": 1}'], "is no JSON array; expected one as '[2, 3]'"),
        (["-k", "[1]"], "is no JSON object"),
        (["--eta", "tomorrow"], "is no time; expected one as 2030-01-31T12:00:00Z"),
        (["--expires", "soon"], "or seconds, as 90"),
        (["--countdown", "soon"], "not a valid float"),
    ],
)
def test_call_refuses_what_it_cannot_read(celeriac: CeleriacCommand, words: list[str], said: str):
    done = celeriac("call", "shop.add", *words)

    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize("words", [["--countdown", "3600"], ["--eta", "2999-01-01T00:00:00"]])
def test_a_call_for_later_is_not_run_now(
    celeriac: CeleriacCommand, app: Celeriac, words: list[str]
):
    celeriac("call", "shop.add", "-a", "[1, 2]", *words)

    assert work_off(app) == 0


def test_a_call_that_has_expired_is_not_run(celeriac: CeleriacCommand, app: Celeriac):
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    done = celeriac("call", "shop.add", "-a", "[1, 2]", "--expires", past)

    work_off(app)
    assert app.AsyncResult(done.output.strip()).state == "REVOKED"


def test_result_prints_the_value(celeriac: CeleriacCommand, app: Celeriac):
    result = app.send_task("shop.add", (2, 3))
    work_off(app)

    done = celeriac("result", result.id)

    assert (done.exit_code, done.output) == (0, "5\n")


def test_result_of_a_failed_task_prints_its_traceback_and_fails(
    celeriac: CeleriacCommand, app: Celeriac
):
    result = app.send_task("shop.fail")
    work_off(app)

    done = celeriac("result", result.id)
    told = celeriac("result", "--traceback", result.id)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback")
    assert "ended as FAILURE: ValueError('this shop is closed')" in done.stderr
    assert (told.exit_code, told.stdout.startswith("Traceback")) == (0, True)


def test_result_waits_no_longer_than_it_is_told(celeriac: CeleriacCommand):
    done = celeriac("result", "unknown", "--timeout", "0.01")

    assert done.exit_code == 1
    assert "task unknown was not ready within 0.01 s" in done.output


def test_status_without_workers_fails_with_69(celeriac: CeleriacCommand):
    done = celeriac("status", "--timeout", "0.01")

    assert done.exit_code == 69
    assert "no worker answered within 0.01 s" in done.output


def test_purge_asks_first(celeriac: CeleriacCommand, app: Celeriac):
    app.send_task("shop.add", (2, 3))

    refused = celeriac("purge", input="n\n")
    done = celeriac("purge", input="y\n")

    assert refused.exit_code == 1
    assert done.output.endswith("Purged 1 message from celery.\n")


def test_purge_takes_only_the_queues_it_is_told(celeriac: CeleriacCommand, app: Celeriac):
    for queue in ("one", "two", "three"):
        app.send_task("shop.add", (2, 3), queue=queue)

    done = celeriac("purge", "-f", "-Q", "one,two", "-X", "two")

    assert done.output == "Purged 1 message from one.\n"
    assert app.broker.purge(["two", "three"]) == 2


def test_purge_of_no_queue_is_refused(celeriac: CeleriacCommand):
    done = celeriac("purge", "-f", "-X", "celery")

    assert done.exit_code == 2
    assert "no queue is left to purge" in done.output


def test_report_hides_secrets(celeriac: CeleriacCommand, app: Celeriac):
    app.conf.redis_password = "hush"
    app.conf.broker_url = "memory://user:hush@host"

    done = celeriac("report")

    assert done.exit_code == 0
    assert "broker_url: 'memory://user:********@host'" in done.output
    assert "hush" not in done.output


def test_status_as_json_is_json(celeriac: CeleriacCommand, app: Celeriac):
    with running_worker(app, hostname="one@here"):
        done = celeriac("status", "--json", "-d", "one@here")

    assert json.loads(done.output) == {"one@here": {"ok": "pong"}}
