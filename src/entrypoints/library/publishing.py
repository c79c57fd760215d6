"""How an app's calls become messages in the broker: one, or many at the price of a batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...application.context import running
from ...domain.errors import BrokerUnavailable
from .composing import Composing, of_this_run
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
        options = of_this_run(frame, options, app.conf.task_inherit_parent_priority)
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
        composing = Composing(app)
        messages: list[TaskMessage] = []
        opens: list[ChordOpening] = []
        made: list[Any] = []
        for call in some:
            if call.get("subtask_type") in call.TYPES:
                outgoing = call.unfolded(app)
                messages += map(composing.of, outgoing.calls)
                opens += outgoing.opens
                made.append(outgoing.result)
            else:
                message = composing.of_signature(call)
                messages.append(message)
                made.append(AsyncResult(message.id, None, message.task, app))
        try:
            publish(app, messages, opens, batch, own)
        except BrokerUnavailable as away:
            away.sent = results
            raise
        results += made
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


def _retry_policy(app: "Celeriac", options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    retry = options.get("retry")
    if not (app.conf.task_publish_retry if retry is None else retry):
        return None
    return {**app.conf.task_publish_retry_policy, **(options.get("retry_policy") or {})}


def _batches(calls: "Iterable[Signature]", size: int) -> "Iterator[list[Signature]]":
    batch: list[Signature] = []
    for call in calls:
        batch.append(call)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
