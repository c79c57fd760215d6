"""How an app's calls become messages in the broker: one, or many at the price of a batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...application.context import running
from ...domain.canvas.signature import Signature as Plain
from ...domain.errors import BrokerUnavailable
from ...domain.tasks.options import merged
from .results import AsyncResult

if TYPE_CHECKING:
    from ...domain.canvas.chords import ChordOpening
    from ...domain.messaging.message import TaskMessage
    from .app import Celeriac
    from .canvas import Signature


def send(
    app: "Celeriac",
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> AsyncResult[Any]:
    """Publish one call, or find the one that its key stands for already."""
    task = app.tasks.get(name)
    is_unique = task is not None and task.unique not in (None, False)
    if is_unique or "idempotency_key" in options:
        from .once import send_once

        return send_once(app, name, args, kwargs, options)
    return send_now(app, name, args, kwargs, options)


def send_now(
    app: "Celeriac",
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> AsyncResult[Any]:
    """Publish one call; the task that makes it, if one does, becomes its parent."""
    frame = running()
    if frame is not None:
        options = _of_this_run(frame, options, app.conf.task_inherit_parent_priority)
    sending = app.sending
    message = sending.message(name, args, kwargs, options)
    sending.publish([message], retry=_retry_policy(app, options), within=options.get("connection"))
    result: AsyncResult[Any] = AsyncResult(message.id, task_name=name, app=app)
    if frame is not None and options.get("add_to_parent", True):
        frame[0].add_trail(result)
    return result


def publish_many(
    app: "Celeriac",
    calls: "Iterable[Signature]",
    batch: int,
    connection: Any,
    retry: Mapping[str, Any] | None = None,
) -> list[AsyncResult[Any]]:
    """Publish calls batch by batch; `retry` is what a call's options say of trying again."""
    results: list[Any] = []
    own = {**(retry or {}), "connection": connection}
    for some in _batches(calls, batch):
        made = [_made(app, call) for call in some]
        messages = [message for one in made for message in one.messages]
        opens = [opening for one in made for opening in one.opens]
        try:
            publish(app, messages, opens, batch, own)
        except BrokerUnavailable as away:
            away.sent = results
            raise
        results.extend(one.result for one in made)
    return results


def publish(
    app: "Celeriac",
    messages: "Sequence[TaskMessage]",
    opens: "Sequence[ChordOpening]",
    batch: int,
    own: Mapping[str, Any],
) -> None:
    """Publish messages, the chords among them opened before; `own` is what a call says of that."""
    if opens:
        app.results.open_chords(opens)
    policy = _retry_policy(app, own)
    for start in range(0, len(messages), batch):
        some = messages[start : start + batch]
        app.sending.publish(some, retry=policy, within=own.get("connection"))


class _Made(NamedTuple):
    """The messages of a call, several if it is a work-flow, and its result."""

    messages: "Sequence[TaskMessage]"
    opens: "Sequence[ChordOpening]"
    result: Any


def _made(app: "Celeriac", call: "Signature") -> _Made:
    if call.get("subtask_type") in call.TYPES:
        outgoing = call.unfolded(app)
        messages = [message_of(app, one) for one in outgoing.calls]
        return _Made(messages, outgoing.opens, outgoing.result)
    message = message_of(app, _plain(call))
    return _Made((message,), (), AsyncResult(message.id, task_name=message.task, app=app))


def _plain(call: "Signature") -> Plain:
    """Return a call as data; one that was made here and is whole need not be looked at again."""
    args, kwargs, options = call.get("args"), call.get("kwargs"), call.get("options")
    if type(args) is tuple and type(kwargs) is dict and type(options) is dict:
        return Plain(call["task"], args, kwargs, options, None, bool(call.get("immutable")))
    return Plain.from_dict(call)


def message_of(app: "Celeriac", call: Plain) -> "TaskMessage":
    """Make the message of a call, as the task that runs here would send it, if one does."""
    task = app.tasks.get(call.task)
    options = call.options
    if task is not None:
        if app.strict_typing and task.typing is not False:
            task.check_arguments(call.args, call.kwargs)
        ignored = {"ignore_result": True} if task.resolved.ignore_result else None
        options = merged(task.resolved.call_defaults, ignored, options)
    frame = running()
    if frame is not None:
        options = _of_this_run(frame, options, app.conf.task_inherit_parent_priority)
    return app.sending.message(call.task, call.args, call.kwargs, options)


def _retry_policy(app: "Celeriac", options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    retry = options.get("retry")
    if not (app.conf.task_publish_retry if retry is None else retry):
        return None
    return {**app.conf.task_publish_retry_policy, **(options.get("retry_policy") or {})}


def _of_this_run(
    frame: Any, options: Mapping[str, Any], inherit_priority: bool
) -> Mapping[str, Any]:
    """Add to the options of a call what it inherits from the task that makes it."""
    request = frame[1]
    if request.id is None:
        return options
    inherited: dict[str, Any] = {"parent_id": request.id, "root_id": request.root_id or request.id}
    if inherit_priority and request.delivery_info:
        inherited["priority"] = request.delivery_info.get("priority")
    return {
        **inherited,
        **{k: v for k, v in options.items() if v is not None or k not in inherited},
    }


def _batches(calls: "Iterable[Signature]", size: int) -> "Iterator[list[Signature]]":
    batch: list[Signature] = []
    for call in calls:
        batch.append(call)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
