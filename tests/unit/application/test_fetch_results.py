"""Fetching: waiting for results, and making values and exceptions of them."""

import json

import pytest

from celeriac.adapters.memory import MemoryResults
from celeriac.application.fetch_results import Fetching, Found, find_exception
from celeriac.domain import errors
from celeriac.domain.errors import SecurityError, TimeoutError  # noqa: A004 - the name under test
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord


def success(task_id="t", value=5):
    return ResultRecord(task_id, "SUCCESS", Payload(json.dumps(value).encode()))


@pytest.fixture
def fetching(results, codec, clock):
    return Fetching(results, codec, clock)


def test_nothing_is_known_of_a_task_that_left_no_record(fetching):
    assert fetching.fetch("t") is None


def test_a_record_comes_with_its_value(fetching, results):
    results.store([success()])

    assert fetching.fetch("t") == Found(success(), 5)


def test_what_is_ready_is_not_waited_for(fetching, results, clock):
    results.store([success()])

    assert fetching.wait("t", 10).value == 5
    assert clock.monotonic() == 0


def test_waiting_ends_with_its_time(fetching, clock):
    with pytest.raises(TimeoutError, match=r"task t was not ready within 2\.5 s"):
        fetching.wait("t", 2.5)

    assert clock.monotonic() == 2.5


def test_who_waits_is_asked_between_looks(fetching, results):
    looks = []

    def on_look():
        looks.append("look")
        if len(looks) == 3:
            results.store([success()])

    assert fetching.wait("t", None, on_look).value == 5
    assert looks == ["look"] * 3


def test_those_ready_of_many_are_returned(fetching, results):
    results.store([success("a", 1), success("c", 3)])

    assert [found.value for found in fetching.ready(["a", "b", "c"], 0)] == [1, 3]


def test_a_failure_becomes_the_exception_it_was(fetching, results):
    stored = {"exc_type": "KeyError", "exc_message": ["k"], "exc_module": "builtins"}
    results.store([ResultRecord("t", "FAILURE", Payload(json.dumps(stored).encode()))])

    value = fetching.fetch("t").value

    assert (type(value), value.args) == (KeyError, ("k",))


class Local(Exception):
    """One of the user's."""

    class Inner(Exception):
        """A nested one."""


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("builtins", "KeyError", KeyError),
        ("celery.exceptions", "MaxRetriesExceededError", errors.MaxRetriesExceededError),
        (__name__, "Local", Local),
        (__name__, "Local.Inner", Local.Inner),
        (__name__, "Missing", None),
        ("never.imported", "Error", None),
        ("builtins", "SystemExit", None),
        ("builtins", "KeyboardInterrupt", None),
    ],
)
def test_exceptions_are_looked_up_among_loaded_modules(module, name, found):
    assert find_exception(module, name) is found


@pytest.mark.parametrize("name", ["eval", "int"])
def test_a_stored_failure_that_names_no_exception_is_an_attack(name):
    with pytest.raises(SecurityError, match=f"builtins.{name}"):
        find_exception("builtins", name)


def test_nothing_stored_decodes_to_nothing(fetching):
    assert fetching.decode(None) is None


def test_a_blocked_wait_in_host_time_is_ended_by_the_result(codec):
    from threading import Timer

    from celeriac.adapters.host.clock import SystemClock

    results = MemoryResults()
    Timer(0.05, results.store, [[success()]]).start()

    assert Fetching(results, codec, SystemClock()).wait("t", 20).value == 5
