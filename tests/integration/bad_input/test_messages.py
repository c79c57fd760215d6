"""Messages and tasks that are not as they should be: each costs itself, and never the worker.

After each of them the same worker runs an ordinary task.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.domain.messaging.message import TaskMessage
from celeriac.entrypoints.testing import running_worker

BODY = b"[[], {}, {}]"


@dataclass
class Works:
    """An app with a running worker, and a look at what was put aside."""

    app: Celeriac
    store: MemoryStore

    def publish(self, task: str, body: bytes = BODY, **fields: Any) -> None:
        """Put a message on the queue as a foreign sender would."""
        message = TaskMessage("t", task, body, queue="celery", routing_key="celery", **fields)
        self.app.broker.publish([message], deadline=5)

    def outcome(self, task_id: str = "t") -> tuple[str, str]:
        """Wait for the end of a task; return its state and the kind of error."""
        result = self.app.AsyncResult(task_id)
        error = result.get(timeout=20, propagate=False)
        return result.state, type(error).__name__

    def dead(self) -> list[tuple[str, str]]:
        """Return reason and detail of the dead letters."""
        return [(one.reason, one.detail) for one in self.app.broker.dead("celery", 10)]

    def still_works(self) -> bool:
        """Run an ordinary task."""
        return self.app.tasks["add"].delay(1, 2).get(timeout=20) == 3


@pytest.fixture(params=["threads", "solo"])
def works(request):
    store = MemoryStore()
    app = Celeriac(
        "works", broker=MemoryBroker(store), backend=MemoryResults(store), set_as_current=False
    )
    app.task(name="add")(lambda x, y: x + y)
    with running_worker(app, pool=request.param):
        yield Works(app, store)
    app.close()


def test_an_unknown_task_is_put_aside_and_said_to_be_unknown(works):
    works.publish("nobody.knows")

    assert works.outcome() == ("FAILURE", "NotRegistered")
    ((reason, detail),) = works.dead()
    assert reason == "unknown-task"
    assert "no task is registered under 'nobody.knows' in this worker: import its module" in detail
    assert works.still_works()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe no json",
        b"[[1, 2",
        b"5",
        b'[[1, 2], {"y"}]',
        b'{"no": "body"}',
        b'[{"not": "args"}, {}, {}]',
        b'[[1, 2], {}, {"callbacks": "none"}]',
        b'[[1, 2], {}, {"chain": [{"task": 5}]}]',
        b'[[{"__type__": "datetime", "__value__": "someday"}, 2], {}, {}]',
        b"[" * 50_000,
    ],
)
def test_a_body_that_cannot_be_read_is_put_aside(works, body):
    works.publish("add", body)

    state, _ = works.outcome()
    assert state == "FAILURE"
    assert [reason for reason, _ in works.dead()] == ["undecodable"]
    assert works.app.broker.dead("celery", 1)[0].message.body == body
    assert works.still_works()


def test_an_envelope_that_cannot_be_read_is_put_aside_with_its_bytes():
    store = MemoryStore()
    app = Celeriac(
        "works", broker=MemoryBroker(store), backend=MemoryResults(store), set_as_current=False
    )
    add = app.task(name="add")(lambda x, y: x + y)
    add.apply_async((1, 2), task_id="t")
    store.corrupt("t", b"\x00 no message")

    with running_worker(app):
        assert add.delay(1, 2).get(timeout=20) == 3

    (letter,) = app.broker.dead("celery", 10)
    assert (letter.reason, letter.raw, letter.message) == ("undecodable", b"\x00 no message", None)
    app.close()


@pytest.mark.parametrize("kind", ["application/x-python-serialize", "application/x-yaml", "x"])
def test_content_that_is_not_accepted_is_put_aside_unread(works, kind):
    works.publish("add", b"cos\nsystem\n(S'true'\ntR.", content_type=kind)

    assert works.outcome() == ("FAILURE", "ContentDisallowed")
    ((reason, detail),) = works.dead()
    assert reason == "not-accepted"
    assert kind in detail
    assert "accept_content" in detail
    assert works.still_works()


@pytest.mark.parametrize("body", [b"[[1], {}, {}]", b"[[1, 2, 3], {}, {}]", b'[[1], {"z": 2}, {}]'])
def test_arguments_that_do_not_fit_are_put_aside(works, body):
    works.publish("add", body)

    assert works.outcome() == ("FAILURE", "TypeError")
    ((reason, detail),) = works.dead()
    assert reason == "bad-arguments"
    assert "add cannot be called with the arguments sent:" in detail
    assert works.still_works()


def test_arguments_of_the_wrong_type_are_a_failure_of_the_task(works):
    result = works.app.tasks["add"].delay(1, "2")

    assert works.outcome(result.id) == ("FAILURE", "TypeError")
    assert works.dead() == []
    assert works.still_works()


def test_headers_of_the_wrong_kind_surprise_nobody(works):
    works.publish(
        "add",
        b"[[1, 2], {}, {}]",
        headers={"get": 5, "update": None, "_say": 1, "children": "x", "_children": 7, "args": 0},
    )

    assert works.outcome()[0] == "SUCCESS"
    assert works.still_works()


class Mute(Exception):
    """Cannot even say what it is."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def endless(n=0):
    return endless(n + 1)


class Unspeakable:
    """A value whose repr raises."""

    def __repr__(self):
        raise RuntimeError("no text")

    def __json__(self):
        return "spoken"


def raising(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (raising(SystemExit(3)), "SystemExit"),
        (raising(KeyboardInterrupt()), "KeyboardInterrupt"),
        (raising(BaseException("base")), "BaseException"),
        (raising(GeneratorExit()), "GeneratorExit"),
        (raising(StopIteration(1)), "StopIteration"),
        (raising(Mute()), "Mute"),
        (raising(ValueError(Mute(), object())), "ValueError"),
        (endless, "RecursionError"),
        (lambda: object(), "EncodeError"),
        (lambda: {1, 2}, "EncodeError"),
        (lambda: {(1, 2): 3}, "EncodeError"),
        (raising(ExceptionGroup("many", [KeyError(1), ValueError(2)])), "ExceptionGroup"),
    ],
)
def test_whatever_a_task_does_it_fails_and_no_more(works, body, kind):
    task = works.app.task(name=f"odd-{kind}")(body)

    result = task.delay()

    assert works.outcome(result.id) == ("FAILURE", kind)
    assert result.traceback
    assert works.still_works()


def test_a_result_whose_repr_raises_is_a_result_like_any_other(works):
    result = works.app.task(name="unspeakable")(Unspeakable).delay()

    assert result.get(timeout=20) == "spoken"
    assert works.still_works()


class Unruly(Exception):
    """Its arguments change as they are looked at."""

    @property
    def args(self):
        raise RuntimeError("no arguments")


def test_an_exception_that_cannot_be_described_is_a_failure_all_the_same(works):
    result = works.app.task(name="unruly")(raising(Unruly())).delay()

    assert works.outcome(result.id)[0] == "FAILURE"
    assert works.still_works()
