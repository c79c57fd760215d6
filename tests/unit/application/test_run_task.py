"""One job in the runner: whatever the message or the task, the answer is a report."""

import json

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import VirtualClock
from celeriac.application.run_task import RunSettings, TaskRunner
from celeriac.application.runnable import ErrorInfo
from celeriac.domain.errors import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.job import Job, Progress
from celeriac.domain.work.settlement import DONE, DeadLetter


@pytest.fixture
def app(clock):
    app = Celeriac("a", broker="memory://", clock=clock, set_as_current=False)
    app.task(name="add")(lambda x, y: x + y)
    yield app
    app.close()


@pytest.fixture
def runner(app, codec):
    return make_runner(app, codec)


def make_runner(app, codec, **settings):
    clock = app.container.clock()
    return TaskRunner(
        app.tasks.get, codec, lambda: app.sending, clock, RunSettings("me@host", **settings)
    )


def message(task="add", args=(1, 2), embed=None, **fields):
    return TaskMessage("t", task, json.dumps([args, {}, embed or {}]).encode(), **fields)


def ran(runner, message, said=None):
    return runner.run(Job(7, message), [].append if said is None else said.append)


def stored(report):
    (record,) = report.results
    return record.state, json.loads(record.result.data)


def test_a_returned_value_is_reported(app, runner):
    report = ran(runner, message(headers={"group": "g", "parent_id": "p"}))

    assert report.results == (
        ResultRecord(
            "t",
            "SUCCESS",
            Payload(b"3"),
            date_done=app.container.clock().now(),
            group_id="g",
            parent_id="p",
        ),
    )
    assert (report.number, report.disposition, report.publish, report.summary) == (7, DONE, (), "3")


def test_a_failure_is_reported_with_a_traceback_that_begins_at_the_task(app, runner):
    @app.task(name="fail")
    def fail():
        raise KeyError("k")

    report = ran(runner, message("fail", ()))

    assert stored(report) == (
        "FAILURE",
        {"exc_type": "KeyError", "exc_message": ["k"], "exc_module": "builtins"},
    )
    assert (report.state, report.disposition, report.summary) == ("FAILURE", DONE, "KeyError('k')")
    assert "celeriac/application" not in report.traceback
    assert __file__ in report.traceback


def test_progress_is_said_while_the_task_runs(app, runner):
    @app.task(name="slow", bind=True, track_started=True)
    def slow(self):
        self.update_state(state="HALF", meta={"done": 1})

    said = []
    ran(runner, message("slow", ()), said)

    assert [type(one) for one in said] == [Progress, Progress]
    assert [one.record.state for one in said] == ["STARTED", "HALF"]
    assert json.loads(said[0].record.result.data)["hostname"] == "me@host"
    assert [one.number for one in said] == [7, 7]


def test_a_task_unknown_in_this_process_is_put_aside(runner):
    report = ran(runner, message("unknown"))

    assert report.disposition == DeadLetter(
        "unknown-task", "no task is registered under 'unknown' in this process"
    )
    assert stored(report)[0] == "FAILURE"


def test_a_message_nobody_waits_for_leaves_no_record_of_its_refusal(runner):
    report = ran(runner, message("unknown", headers={"ignore_result": True}))

    assert report.results == ()


def test_a_result_beyond_the_limit_is_a_failure(app, codec):
    report = ran(make_runner(app, codec, result_max_bytes=10), message(args=("x" * 9, "y")))

    state, value = stored(report)
    assert (state, value["exc_type"], value["exc_message"]) == (
        "FAILURE",
        "ResultTooLarge",
        ["t", 12, 10],
    )


def test_results_are_written_by_the_serializer_of_the_settings(app, codec):
    report = ran(make_runner(app, codec, result_serializer="pickle"), message(args=([], [])))

    assert report.results[0].result.content_type == "application/x-python-serialize"


def test_the_next_link_of_a_chain_is_sent_with_the_result(app, runner):
    later = {"task": "add", "args": [10], "options": {"task_id": "second"}}
    last = {"task": "add", "args": [20], "options": {"task_id": "third"}}

    report = ran(runner, message(embed={"chain": [last, later]}))

    (link,) = report.publish
    args, _, embed = json.loads(link.body)
    assert (link.id, link.root_id, link.parent_id, args) == ("second", "t", "t", [3, 10])
    assert [one["options"]["task_id"] for one in embed["chain"]] == ["third"]
    assert report.results[0].children == ((("second", None), None),)


# -- burying what can make no report


def buried(runner, error, message, **options):
    return runner.bury(7, message, error, **options)


def test_a_lost_job_is_recorded_and_its_errbacks_sent(runner):
    errback = {"task": "note", "args": [], "options": {"task_id": "e"}}

    report = buried(runner, WorkerLostError("killed"), message(embed={"errbacks": [errback]}))

    assert stored(report) == (
        "FAILURE",
        {
            "exc_type": "WorkerLostError",
            "exc_message": ["killed"],
            "exc_module": "celery.exceptions",
        },
    )
    assert [(sent.id, json.loads(sent.body)[0]) for sent in report.publish] == [("e", ["t"])]
    assert report.disposition == DONE


def test_an_errback_that_takes_the_error_is_called_by_a_task_when_the_process_died(app, runner):
    told = []
    app.task(name="tell")(lambda request, exc, traceback, who: told.append((request.id, exc, who)))
    errback = {"task": "tell", "args": ["me"], "options": {}}

    report = buried(runner, WorkerLostError("killed"), message(embed={"errbacks": [errback]}))
    (sent,) = report.publish
    ran(runner, sent)

    assert sent.task == "celeriac.call_errback"
    assert sent.parent_id == "t"
    ((id_, exc, who),) = told
    assert (id_, repr(exc), who) == ("t", repr(WorkerLostError("killed")), "me")


def test_a_buried_job_goes_where_it_is_told(app, runner):
    app.task(name="late", acks_late=True, acks_on_timeout=False)(lambda: None)
    crashed = DeadLetter("crashes", "three times")

    told = buried(runner, WorkerLostError("killed"), message(), disposition=crashed)
    timed_out = buried(runner, TimeLimitExceeded(5), message("late", ()), timed_out=True)

    assert told.disposition == crashed
    assert timed_out.disposition == DeadLetter("failure", repr(TimeLimitExceeded(5)))


def test_a_terminated_job_is_revoked_and_no_failure(runner):
    errback = {"task": "note", "args": [], "options": {}}

    sent = message(embed={"errbacks": [errback]})

    report = buried(runner, TaskRevokedError("terminated"), sent, state="REVOKED")

    assert (report.state, report.publish) == ("REVOKED", ())
    assert stored(report)[0] == "REVOKED"


@pytest.mark.parametrize(
    "broken",
    [
        TaskMessage("t", "add", b"no json"),
        TaskMessage("t", "add", b"5"),
        TaskMessage("t", "add", b"x", content_type="application/x-yaml"),
        message("unknown"),
        message(embed={"errbacks": [{"task": "note", "options": {"countdown": "soon"}}]}),
    ],
)
def test_a_job_can_be_buried_whatever_its_message_is(runner, broken):
    report = buried(runner, WorkerLostError("killed"), broken)

    assert stored(report)[1]["exc_type"] == "WorkerLostError"


def test_a_refused_record_is_replaced_by_a_failure_that_tells_why(app, runner):
    record = ResultRecord("t", "SUCCESS", Payload(b"5"), group_id="g", parent_id="p")

    instead = runner.refused_result(record, "too large")

    assert (instead.task_id, instead.state, instead.group_id, instead.parent_id) == (
        "t",
        "FAILURE",
        "g",
        "p",
    )
    assert json.loads(instead.result.data)["exc_message"] == ["too large"]
    assert instead.date_done == app.container.clock().now()


def test_an_errors_information_shows_its_traceback():
    error = KeyError("k")
    info = ErrorInfo(error, "trace")

    assert (info.exception, info.type, info.traceback, str(info), repr(info)) == (
        error,
        KeyError,
        "trace",
        "trace",
        "trace",
    )


def test_a_runner_prepares_where_it_will_run(app, codec):
    prepared = []
    runner = TaskRunner(
        app.tasks.get,
        codec,
        lambda: app.sending,
        VirtualClock(),
        RunSettings("me@host"),
        lambda: prepared.append(True),
    )

    runner.start()
    runner.stop()

    assert prepared == [True]


# -- links that follow where the one before them ended -------------------------------------------


def in_chain(app, *ids):
    """The message of the first of some calls of `add`, as a chain of these ids."""
    calls = [
        {"task": "add", "args": [1], "kwargs": {}, "options": {"task_id": id_, "queue": "celery"}}
        for id_ in reversed(ids)
    ]
    return message(embed={"chain": calls}, queue="celery")


def ended(runner, job, seconds=0.0):
    """The job's report, as if it had taken so long."""
    return runner.run(job, [].append)._replace(runtime=seconds)


def test_a_link_follows_where_its_task_was_brief_before(app, runner):
    first = Job(7, in_chain(app, "second", "third"), relays=2)

    told, second = runner.relayed(first, ended(runner, first))
    told_then, third = runner.relayed(second, ended(runner, second))

    assert (told.number, told.publish, told.relay.id) == (7, (), "second")
    assert (second.number, second.message, second.relays) == (8, told.relay, 1)
    assert (third.number, third.message.id, third.relays) == (9, "third", 0)
    assert [stored(one) for one in (told, told_then)] == [("SUCCESS", 3), ("SUCCESS", 4)]
    assert runner.relayed(third, ended(runner, third)) is None


def test_no_link_follows_whose_task_took_long_or_never_ran_here(app, runner):
    app.task(name="nap")(lambda: None)
    call = {"task": "nap", "args": [], "kwargs": {}, "immutable": True}
    call["options"] = {"task_id": "nap", "queue": "celery"}
    first = Job(7, message(embed={"chain": [call]}, queue="celery"), relays=2)
    nap = Job(8, message("nap", ()), relays=2)

    never = runner.relayed(first, ended(runner, first))
    runner.relayed(nap, ended(runner, nap, seconds=0.01))
    slow = runner.relayed(first, ended(runner, first))
    runner.relayed(nap, ended(runner, nap))
    brief = runner.relayed(first, ended(runner, first))

    assert (never, slow) == (None, None)
    assert brief is not None


def test_no_link_follows_that_nobody_here_knows_or_that_is_acknowledged_late(app, runner):
    app.task(name="late", acks_late=True)(lambda: None)
    for name in ("late", "strange"):
        runner._brief.add(name)
    followed = []
    for name in ("late", "strange"):
        call = {"task": name, "immutable": True, "options": {"task_id": "x", "queue": "celery"}}
        first = Job(7, message(embed={"chain": [call]}, queue="celery"), relays=2)
        followed.append(runner.relayed(first, ended(runner, first)))

    assert followed == [None, None]
