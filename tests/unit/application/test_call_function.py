"""Functions as jobs: what travels, what is called, and what is told of it."""

import pickle
import sys
import threading
from typing import Any

import pytest

from celeriac.application.call_function import call_function, packed, value_of
from celeriac.domain.tasks.builtin_names import CALL_FUNCTION
from celeriac.domain.work.job import GivenUp, Job, Report


class Task:
    """What has a name, and cannot be pickled."""

    def __init__(self, name: str) -> None:
        self.name, self.secret = name, lambda: None


MINE = Task("shop.mine")


class Odd(Exception):
    def __init__(self, one: Any, two: Any) -> None:
        super().__init__("odd")


class Silent:
    def __repr__(self) -> str:
        raise ValueError("no repr")


def give_up() -> None:
    raise GivenUp


def odd() -> None:
    raise Odd(1, 2)


def called(fun: Any, *args: Any, **kwargs: Any) -> Report:
    message, _ = packed("c1", fun, args, kwargs, Task, ())
    return call_function(Job(7, message), {"shop.mine": MINE}.get)  # type: ignore[arg-type]


def name_of(task: Task) -> tuple[str, bool]:
    return task.name, task is MINE


def test_what_is_returned_is_told():
    report = called(divmod, 7, 2)

    assert (report.number, report.state, report.summary) == (7, "SUCCESS", "(3, 1)")
    assert value_of(report) == (3, 1)
    assert value_of(called(dict, a=1)) == {"a": 1}
    assert value_of(called(Silent)) is not None


def test_tasks_travel_as_their_names():
    assert value_of(called(name_of, Task("shop.mine"))) == ("shop.mine", True)

    unknown = called(name_of, Task("shop.other"))
    assert isinstance(value_of(unknown), pickle.UnpicklingError)


def test_the_ids_that_it_speaks_of_are_found_wherever_they_stand():
    args = ([{"id": "one"}], "two")

    message, found = packed("c1", print, args, {"three": "four"}, Task, {"one", "four", "five"})

    assert found == {"one", "four"}
    assert (message.id, message.task) == ("c1", CALL_FUNCTION)


def test_what_cannot_be_pickled_is_raised_where_it_is_asked_for():
    with pytest.raises((pickle.PicklingError, AttributeError)):
        packed("c1", lambda: None, (), {}, Task, ())


@pytest.mark.parametrize(
    ("fun", "args", "error"),
    [
        (divmod, (1, 0), "ZeroDivisionError"),
        (sys.exit, (3,), "SystemExit"),
        (odd, (), "RuntimeError"),  # it cannot be unpickled
        (iter, ([],), None),
        (threading.Lock, (), "TypeError"),  # what it returns cannot be pickled
    ],
)
def test_what_is_raised_is_told(fun, args, error):
    report = called(fun, *args)

    assert (report.state, report.number) == ("FAILURE" if error else "SUCCESS", 7)
    if error:
        assert type(value_of(report)).__name__ == error
        assert "Traceback" in (report.traceback or "")


def test_what_the_pool_has_given_up_is_told_to_nobody():
    with pytest.raises(GivenUp):
        called(give_up)


def test_a_report_of_somebody_else_is_an_error():
    assert str(value_of(Report(7, "FAILURE", summary="it broke"))) == "it broke"
