"""Calls that are sent once: of unique tasks, and under an idempotency key.

The key is taken before the message is stored, under the task id that it will have. Should the
process die between the two, the key runs out with its period; should publishing fail, it is given
back, for nobody knows whether a task stands behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...domain.errors import CeleriacError, DuplicateTask, NotSupported
from ...domain.messaging.compose import due
from ...domain.tasks import states
from ...domain.tasks.keys import canonical, digest, key_of
from ...domain.work.uniqueness import AT_START, HEADER, WHEN_DONE, UniqueKey, header_of
from ...ports.coordinator import Grant
from .limits import key_of_call
from .results import AsyncResult

if TYPE_CHECKING:
    from ...domain.messaging.message import TaskMessage
    from .app import Celeriac
    from .task import Task

#: Seconds that a key is held where results are kept for ever.
FOR_EVER: Final = 10 * 365 * 86_400.0
#: How often a key that turns out to be free is tried to be taken.
ATTEMPTS: Final = 3


class Wish(NamedTuple):
    """A key to be taken: its name, for how many seconds at most, and until when."""

    name: str
    period: float
    until: str


def send_once(
    app: "Celeriac",
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> AsyncResult[Any]:
    """Send a call, unless its key is another's: then return the result of that one.

    Raises DuplicateTask instead, if the task says `on_duplicate="raise"`.
    """
    from .publishing import send_now

    options = dict(options)
    key = options.pop("idempotency_key", None)
    if options.get("connection") is not None:
        raise NotSupported(
            f"{name}: a call with a key cannot join a transaction (connection): the key is taken "
            "at once, the message would exist only later, or never; send it after the commit"
        )
    options["task_id"] = id_ = options.get("task_id") or app.new_id()
    task = app.tasks.get(name)
    taken: list[Grant] = []
    try:
        if key is not None:
            grant, other = _take(app, _idempotent(app, name, key), id_)
            if grant is None:
                return AsyncResult(other, task_name=name, app=app)
            taken.append(grant)
        wish = None if task is None else wish_of(app, task, args, kwargs, options)
        if wish is not None:
            grant, other = _take(app, wish, id_)
            if grant is None:
                _give_back(app, taken)
                if task is not None and task.on_duplicate == "raise":
                    raise DuplicateTask(name, other)
                return AsyncResult(other, task_name=name, app=app)
            taken.append(grant)
            options["headers"] = {**(options.get("headers") or {}), HEADER: _said(grant, wish)}
        return send_now(app, name, args, kwargs, options)
    except DuplicateTask:
        raise
    except BaseException:
        _give_back(app, taken)
        raise


def first_of_their_kind(
    app: "Celeriac", messages: "Sequence[tuple[TaskMessage, Wish | None]]"
) -> "list[TaskMessage | None]":
    """Return messages with their keys taken; None in place of those whose key is another's."""
    out: list[TaskMessage | None] = []
    for message, wish in messages:
        if wish is None:
            out.append(message)
            continue
        grant, _ = _take(app, wish, message.id)
        out.append(None if grant is None else _with_key(message, _said(grant, wish)))
    return out


def wish_of(
    app: "Celeriac",
    task: "Task[Any, Any]",
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Wish | None:
    """Return the key that a call of a unique task needs; None: it is not unique."""
    spec = task.unique
    if spec is None or spec is False:
        return None
    if spec is True or spec == "args":
        value = canonical(task.arguments.bound(args, kwargs))
    else:
        value = key_of_call(task, "unique", spec, args, kwargs)
    period = _seconds(task.unique_for) or _lifetime(app)
    now = app.container.clock().now()
    begins = due(options, now)
    wait = max(0.0, (begins - now).total_seconds()) if begins else 0.0
    return Wish(f"unique:{task.name}:{digest(value)}", period + wait, task.unique_until)


def _idempotent(app: "Celeriac", name: str, key: object) -> Wish:
    if not isinstance(key, str | int) or isinstance(key, bool) or key == "":
        raise ValueError(
            f"{name}: idempotency_key={key!r}: expected a text that tells this call from all "
            "others, such as the id of an order"
        )
    return Wish(f"idempotency:{name}:{key_of(str(key))}", _lifetime(app), "")


def _take(app: "Celeriac", wish: Wish, id_: str) -> tuple[Grant | None, str]:
    """Take a key under a task id, or tell under which id it is held."""
    coordinator = app.container.coordinator()
    other = ""
    for _ in range(ATTEMPTS):
        grant = coordinator.acquire(wish.name, id_, wish.period)
        if grant is not None:
            return grant, ""
        held = coordinator.holder(wish.name)
        if held is None:
            continue
        other = held.holder
        if not _is_over(app, other, wish.until):
            break
        coordinator.release(held)  # whoever settled that task has died before it could
    return None, other


def _is_over(app: "Celeriac", task_id: str, until: str) -> bool:
    """Tell whether the result of a key's holder says that the key should be free."""
    if until not in (AT_START, WHEN_DONE):
        return False
    try:
        (record,) = app.results.fetch([task_id])
    except (CeleriacError, NotImplementedError):  # none are kept, or nobody can tell now
        return False
    if record is None:
        return False
    started = until == AT_START and record.state == states.STARTED
    return started or record.state in states.READY_STATES


def _give_back(app: "Celeriac", taken: list[Grant]) -> None:
    if taken:
        app.container.coordinator().release_all(taken)


def _said(grant: Grant, wish: Wish) -> Mapping[str, Any]:
    return header_of(UniqueKey(grant.name, grant.holder, grant.fence), wish.until)


def _with_key(message: "TaskMessage", said: Mapping[str, Any]) -> "TaskMessage":
    return replace(message, headers={**message.headers, HEADER: said})


def _seconds(period: float | timedelta | None) -> float | None:
    return period.total_seconds() if isinstance(period, timedelta) else period


def _lifetime(app: "Celeriac") -> float:
    """Return the seconds that results are kept."""
    return _seconds(app.conf.result_expires) or FOR_EVER
