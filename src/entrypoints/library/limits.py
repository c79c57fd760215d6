"""Limits that a whole cluster shares: what a task says of them, checked, and the keys of calls."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ...domain.tasks.keys import chosen, key_of
from ...domain.tasks.options import CLUSTER, WORKER, merged
from ...domain.work.admission import KEY_HEADER
from ...domain.work.limits import rate

if TYPE_CHECKING:
    from .task import Task

#: What makes a second call of a task another one's duplicate no longer.
MOMENTS: Final = ("start", "done")
REACTIONS: Final = ("return", "raise")


def check_limits(task: "Task[Any, Any]") -> None:
    """Raise ValueError or TypeError for limits that make no sense, naming the option."""
    rate(task.rate_limit)  # what is wrong with it is said here, not in a worker
    name = task.name
    _among(name, "rate_limit_scope", task.rate_limit_scope, (WORKER, CLUSTER))
    _at_least_one(name, "max_concurrency", task.max_concurrency)
    _at_least_one(name, "max_concurrency_per_key", task.max_concurrency_per_key)
    _names_arguments(task, "concurrency_key", task.concurrency_key)
    if task.max_concurrency_per_key is not None and task.concurrency_key is None:
        raise ValueError(
            f"{name}: max_concurrency_per_key={task.max_concurrency_per_key!r} needs a "
            "concurrency_key: the name of an argument, several, or a function of the arguments"
        )
    _check_uniqueness(task)


def _check_uniqueness(task: "Task[Any, Any]") -> None:
    name = task.name
    if task.unique not in (None, False, True, "args"):
        _names_arguments(task, "unique", task.unique)
    if not task.unique and callable(task.on_duplicate):
        return  # a task class of somebody else's has a method of that name (celery-singleton)
    _among(name, "unique_until", task.unique_until, MOMENTS)
    _among(name, "on_duplicate", task.on_duplicate, REACTIONS)
    _period(name, task.unique_for)


def needs_the_cluster(task: "Task[Any, Any]") -> bool:
    """Tell whether a worker has to ask others before it begins a call of this task."""
    asked = (task.max_concurrency, task.concurrency_key)
    return task.rate_limit_scope == CLUSTER or asked != (None, None)


def headers_of_limits(
    task: "Task[Any, Any] | None",
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Return a call's options with the key that its task is limited by. Raises ValueError."""
    if task is None or task.concurrency_key is None:
        return options
    key = key_of_call(task, "concurrency_key", task.concurrency_key, args, kwargs)
    return merged(options, {"headers": {**(options.get("headers") or {}), KEY_HEADER: key}})


def key_of_call(
    task: "Task[Any, Any]",
    option: str,
    spec: "str | Sequence[str] | Callable[..., Any]",
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> str:
    """Return the key that an option gives to a call with these arguments. Raises ValueError."""
    value = (
        spec(*args, **kwargs)
        if callable(spec)
        else chosen(_listed(spec), task.arguments.bound(args, kwargs))
    )
    try:
        return key_of(value)
    except ValueError as why:
        raise ValueError(f"{task.name}: {option}={spec!r}: {why}") from why


def _listed(spec: str | Sequence[str]) -> Sequence[str]:
    return (spec,) if isinstance(spec, str) else spec


def _among(task: str, option: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(
            f"{task}: {option}={value!r}: expected {' or '.join(repr(one) for one in known)}"
        )


def _at_least_one(task: str, option: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"{task}: {option}={value!r}: expected a whole number of tasks, at least 1, such as 3"
        )


def _period(task: str, period: object) -> None:
    seconds = period.total_seconds() if isinstance(period, timedelta) else period
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError(
            f"{task}: unique_for={period!r}: expected the seconds after which the key is free in "
            "any case, such as 3600"
        )


def _names_arguments(task: "Task[Any, Any]", option: str, spec: object) -> None:
    """Check what a key is made of; of names, that the task has such arguments."""
    if spec is None or callable(spec):
        return
    if not isinstance(spec, str | list | tuple) or not all(isinstance(one, str) for one in spec):
        raise TypeError(
            f"{task.name}: {option}={spec!r}: expected the name of an argument, a list of names, "
            "or a function that is called with the arguments"
        )
    known = task.arguments.names
    for one in _listed(spec):
        if known is not None and one not in known:
            raise ValueError(
                f"{task.name}: {option}={spec!r}: the task has no argument {one!r}; it takes "
                f"{', '.join(known) or 'none'}"
            )
