"""The exception tree: what users catch, construct, print and send between processes."""

import inspect
import pickle
import subprocess
import sys

import pytest

from celeriac import exceptions as facade
from celeriac.domain import errors

# Name, and the bases that code written for Celery relies on.
CELERY_TREE = {
    "AlreadyRegistered": {"TaskError"},
    "AlwaysEagerIgnored": {"CeleryWarning"},
    "BackendError": {"Exception"},
    "BackendGetMetaError": {"BackendError"},
    "BackendStoreError": {"BackendError"},
    "CDeprecationWarning": {"DeprecationWarning"},
    "CPendingDeprecationWarning": {"PendingDeprecationWarning"},
    "CeleryCommandException": {"ClickException"},
    "CeleryError": {"Exception"},
    "CeleryWarning": {"UserWarning"},
    "ChordError": {"TaskError"},
    "ClickException": {"Exception"},
    "DuplicateNodenameWarning": {"CeleryWarning"},
    "DuplicateTaskNameWarning": {"CeleryWarning"},
    "FixupWarning": {"CeleryWarning"},
    "Ignore": {"TaskPredicate"},
    "ImproperlyConfigured": {"CeleryError"},
    "IncompleteStream": {"TaskError"},
    "InvalidTaskError": {"TaskError"},
    "MaxRetriesExceededError": {"TaskError"},
    "NotConfigured": {"CeleryWarning"},
    "NotRegistered": {"KeyError", "TaskError"},
    "OperationalError": {"KombuError"},
    "QueueNotFound": {"KeyError", "TaskError"},
    "Reject": {"TaskPredicate"},
    "Retry": {"TaskPredicate"},
    "RetryTaskError": {"TaskPredicate"},
    "SecurityError": {"CeleryError"},
    "SecurityWarning": {"CeleryWarning"},
    "SoftTimeLimitExceeded": {"Exception"},
    "SystemTerminate": {"SystemExit"},
    "TaskError": {"CeleryError"},
    "TaskPredicate": {"CeleryError"},
    "TaskRevokedError": {"TaskError"},
    "Terminated": {"Exception"},
    "TimeLimitExceeded": {"Exception"},
    "TimeoutError": {"TaskError"},
    "WorkerLostError": {"Exception"},
    "WorkerShutdown": {"SystemExit"},
    "WorkerTerminate": {"SystemExit"},
}

OURS = {
    "BackendUnavailable": {"OperationalError"},
    "BrokerUnavailable": {"OperationalError"},
    "ConfigurationNotFound": {"ImproperlyConfigured", "ImportError"},
    "ContentDisallowed": {"SerializerNotInstalled"},
    "DecodeError": {"SerializationError"},
    "EncodeError": {"SerializationError"},
    "LeaseLost": {"CeleriacError"},
    "MissingExtra": {"ImproperlyConfigured"},
    "ResultTooLarge": {"TaskError"},
    "StaleOwner": {"LeaseLost"},
    "StoreFull": {"BrokerUnavailable", "BackendUnavailable"},
    "StoreReadOnly": {"BrokerUnavailable", "BackendUnavailable"},
    "UnknownScheme": {"ImproperlyConfigured"},
    "UnserializableArguments": {"EncodeError", "TypeError"},
}

EXAMPLES = [
    errors.Retry("again", ValueError("lost"), 3.0),
    errors.Retry(exc=KeyError("k")),
    errors.Reject("no room", requeue=True),
    errors.MaxRetriesExceededError("gave up", task_args=[1], task_kwargs={"a": 2}),
    errors.NotRegistered("shop.add"),
    errors.BackendGetMetaError("gone", task_id="t1"),
    errors.BackendStoreError("full", state="SUCCESS", task_id="t1"),
    errors.CeleryCommandException("no such app", 3),
    errors.UnknownScheme("nats://user:secret@host", ["redis", "amqp"]),
    errors.MissingExtra("redis://", "redis", "redis-py"),
    errors.UnserializableArguments("shop.add", "x", "Order", "json", "no rule for it"),
    errors.ResultTooLarge("t1", 11, 10),
    errors.TimeLimitExceeded(30),
    errors.StoreFull("disk is full"),
    errors.WorkerTerminate(1),
]


def classes() -> list[type[BaseException]]:
    return [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    ]


@pytest.mark.parametrize(("name", "bases"), [*CELERY_TREE.items(), *OURS.items()])
def test_a_name_stands_where_its_catchers_expect_it(name, bases):
    found = getattr(facade, name)

    assert bases <= {base.__name__ for base in found.__mro__}


def test_the_facade_shows_every_public_name_of_the_tree():
    public = {c.__name__ for c in classes() if not c.__name__.startswith("_")}

    assert public <= set(facade.__all__)
    assert sorted(facade.__all__) == sorted(set(facade.__all__))


def test_one_root_catches_all_but_warnings_and_exits():
    outside = {c for c in classes() if not issubclass(c, errors.CeleriacError)}

    assert all(issubclass(c, (Warning, SystemExit)) for c in outside)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_exception_survives_the_way_between_processes(error):
    twin = pickle.loads(pickle.dumps(error))

    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert repr(twin) == repr(error)
    assert {k: repr(v) for k, v in vars(twin).items()} == {
        k: repr(v) for k, v in vars(error).items()
    }


def test_a_retry_travels_even_if_its_cause_cannot():
    class Local(Exception):
        pass

    twin = pickle.loads(pickle.dumps(errors.Retry(exc=Local("here only"), when=5)))

    assert (twin.exc, twin.excs, twin.when) == (None, "Local('here only')", 5)


@pytest.mark.parametrize(
    ("retry", "text"),
    [
        (errors.Retry("tomorrow"), "tomorrow"),
        (errors.Retry(when=3.5), "Retry in 3.5s"),
        (errors.Retry(exc=ValueError("x"), when=3), "Retry in 3s: ValueError('x')"),
        (errors.Retry(exc="ValueError('x')", when="noon"), "Retry at noon: ValueError('x')"),
    ],
)
def test_a_retry_says_when_and_why(retry, text):
    assert str(retry) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.UnknownScheme("nats://u:secret@h", ["redis", "amqp"]),
            "no adapter serves 'nats://…'; known schemes: amqp, redis",
        ),
        (
            errors.MissingExtra("redis://", "redis", "redis-py"),
            "redis:// needs redis-py, which is not installed: pip install 'celeriac[redis]'",
        ),
        (
            errors.UnserializableArguments("shop.add", "order", "Order"),
            "shop.add: argument order (Order) cannot be serialized as json; "
            "pass plain data such as an id, or choose another task_serializer",
        ),
        (
            errors.ResultTooLarge("t1", 11, 10),
            "the result of task t1 takes 11 bytes, more than result_max_bytes=10; "
            "store the data elsewhere and return where it is, or raise result_max_bytes",
        ),
        (
            errors.NotRegistered("shop.add"),
            "task 'shop.add' is not registered here: import the module that defines it",
        ),
        (errors.SoftTimeLimitExceeded(), "SoftTimeLimitExceeded()"),
        (errors.CeleryCommandException("no app", 2), "no app"),
    ],
)
def test_a_message_says_what_to_do(error, text):
    assert str(error) == text


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (errors.Reject("full", True), "Reject(reason='full', requeue=True)"),
        (
            errors.BackendGetMetaError("gone", task_id="t"),
            "BackendGetMetaError('gone', task_id='t')",
        ),
        (
            errors.BackendStoreError(state="SUCCESS", task_id="t"),
            "BackendStoreError(state='SUCCESS', task_id='t')",
        ),
    ],
)
def test_a_repr_shows_what_was_given(error, shown):
    assert repr(error) == shown


def test_a_command_exception_is_shown_to_the_person_at_the_terminal(capsys):
    errors.CeleryCommandException("no app", 2).show()

    assert capsys.readouterr().err == "Error: no app\n"


def test_reraise_keeps_the_traceback_given():
    try:
        raise ValueError("first")
    except ValueError as error:
        first, traceback = error, error.__traceback__

    with pytest.raises(ValueError, match="first") as caught:
        errors.reraise(ValueError, first.with_traceback(None), traceback)

    assert caught.traceback[-1].name == "test_reraise_keeps_the_traceback_given"


def test_importing_the_tree_imports_nothing_else():
    script = (
        "import sys, celeriac.domain; before = set(sys.modules); import celeriac.domain.errors; "
        "print(sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "['__future__', 'celeriac.domain.errors']\n"
