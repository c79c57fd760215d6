"""What becomes of a chord whose parts are all in."""

import json
from datetime import timedelta

import pytest

from celeriac import Celeriac
from celeriac.application.run_task import RunSettings, TaskRunner
from celeriac.domain.canvas.chords import ChordPart
from celeriac.domain.canvas.signature import Signature
from celeriac.domain.errors import BackendUnavailable
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.work.settlement import DONE, DeadLetter, Park

BODY = {"task": "sum", "options": {"task_id": "body"}, "chord_size": 2}


def part(task_id, value, state="SUCCESS"):
    return ChordPart("g", task_id, 0, 2, state, Payload(json.dumps(value).encode()))


def failed(task_id, error="KeyError", *args):
    stored = {"exc_type": error, "exc_message": list(args), "exc_module": "builtins"}
    return part(task_id, stored, "FAILURE")


@pytest.fixture
def app(clock):
    with Celeriac("a", broker="memory://", clock=clock, set_as_current=False) as app:
        yield app


@pytest.fixture
def runner(app, codec, clock):
    return TaskRunner(app.tasks.get, codec, lambda: app.sending, clock, RunSettings("me@host"))


@pytest.fixture
def completion(runner):
    def make(body=BODY, args=None):
        options = {"task_id": "done", "root_id": "root", "parent_id": "last"}
        return runner._compose(Signature(JOIN_CHORD, args or ("g", body), {}, options))

    return make


def told(message):
    args, _, embed = json.loads(message.body)
    return message.id, message.task, args, embed


def test_the_body_is_sent_with_what_the_header_came_to(runner, completion):
    report = runner.join(3, completion(), lambda group: [part("a", 1), part("b", 2)])

    (body,) = report.publish
    assert told(body)[:3] == ("body", "sum", [[1, 2]])
    assert (body.root_id, body.parent_id) == ("root", "last")
    assert (report.number, report.disposition, report.closes) == (3, DONE, ("g",))


def test_whoever_joins_it_again_sends_the_same_body(runner, completion):
    group = {"task": "celery.group", "subtask_type": "group", "options": {}}
    tasks = [{"task": "sum", "options": {}}, {"task": "sum", "options": {}}]
    body = {**group, "kwargs": {"tasks": tasks}, "chord_size": 1}

    one, again = (runner.join(1, completion(body), lambda _: [part("a", 1)]) for _ in range(2))

    assert [told(message) for message in one.publish] == [told(one) for one in again.publish]
    assert len({message.id for message in one.publish}) == 2


def test_results_of_a_group_within_the_header_are_a_list_of_their_own(runner, completion):
    body = {**BODY, "chord_shape": [None, [None, None]]}
    parts = [part("a", 1), part("b", 2), part("c", 3)]

    report = runner.join(1, completion(body), lambda _: parts)

    assert told(report.publish[0])[2] == [[1, [2, 3]]]


def test_a_failed_header_task_fails_the_body_and_calls_its_errbacks(runner, completion):
    options = {"task_id": "body", "link_error": [{"task": "note", "options": {"task_id": "e"}}]}
    parts = [part("a", 1), failed("b", "KeyError", "x"), failed("c")]

    report = runner.join(1, completion({**BODY, "options": options}), lambda _: parts)

    (record,) = report.results
    why = json.loads(record.result.data)
    assert (record.task_id, record.state, why["exc_type"]) == ("body", "FAILURE", "ChordError")
    assert why["exc_message"] == ["Dependency b raised KeyError('x')"]
    assert [told(message)[:3] for message in report.publish] == [("e", "note", ["body"])]
    assert (report.disposition, report.closes) == (DONE, ("g",))


def test_what_was_to_follow_a_body_that_fails_fails_too(runner, completion):
    rest = [{"task": "sum", "options": {"task_id": "later"}}]
    body = {**BODY, "options": {"task_id": "body", "chain": rest}}

    report = runner.join(1, completion(body), lambda _: [failed("a")])

    assert {record.task_id: record.state for record in report.results} == {
        "body": "FAILURE",
        "later": "FAILURE",
    }


def test_a_failed_body_counts_as_failed_in_the_chord_around(runner, completion):
    outer = {"task": "sum", "options": {"task_id": "outer"}, "chord_size": 1}
    options = {"task_id": "body", "chord": outer, "group_id": "around", "group_index": 4}

    report = runner.join(1, completion({**BODY, "options": options}), lambda _: [failed("a")])

    (one,) = report.parts
    assert (one.part.group_id, one.part.task_id, one.part.index) == ("around", "body", 4)
    assert one.part.state == "FAILURE"


def test_a_body_that_cannot_be_sent_fails_and_the_chord_is_over(runner, completion):
    parts = [ChordPart("g", "a", 0, 1, "SUCCESS", Payload(b"{no json"))]

    report = runner.join(1, completion(), lambda _: parts)

    assert [record.state for record in report.results] == ["FAILURE"]
    assert b"cannot be sent" in report.results[0].result.data
    assert report.closes == ("g",)


def test_while_the_parts_cannot_be_had_it_waits_in_the_store(clock, runner, completion):
    def away(group):
        raise BackendUnavailable("restarting")

    report = runner.join(1, completion(), away)

    assert report.disposition == Park(clock.now() + timedelta(seconds=1))
    assert (report.publish, report.closes) == ((), ())


@pytest.mark.parametrize("args", [("g",), ("g", 5), ("g", {"task": ""})])
def test_a_completion_that_makes_no_sense_is_put_aside(runner, completion, args):
    report = runner.join(1, completion(args=args), lambda _: [part("a", 1)])

    assert isinstance(report.disposition, DeadLetter)
    assert report.disposition.reason == "chord"


def test_a_body_is_not_called_with_fewer_results_than_there_were(runner, completion):
    report = runner.join(1, completion(), lambda _: [part("a", 1)])

    assert [record.state for record in report.results] == ["FAILURE"]
    assert b"1 of the 2 results of this chord's header are gone" in report.results[0].result.data
    assert report.closes == ("g",)


def test_a_chord_that_grew_has_more_results_than_it_was_sent_with(runner, completion):
    parts = [part("a", 1), part("b", 2), part("c", 3)]

    report = runner.join(1, completion(), lambda _: parts)

    assert told(report.publish[0])[2] == [[1, 2, 3]]
