"""`celery.contrib.migrate`: moves waiting tasks to other queues, or to another broker.

    from celery.contrib.migrate import move_by_taskmap

    move_by_taskmap({"shop.mail": "mail"}, source=["celery"])

A predicate is called with a body (`id`, `task`, `args`, `kwargs`) and the message. A task is
published where it goes before it is taken from where it was: should the process die in between, it
is in both places; it is in none at no time. What a worker has claimed stays with it.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ..library.app import Celeriac
from ..library.filtering import Filterer, start_filter
from ..library.moving import (
    Body,
    Mover,
    State,
    StopFiltering,
    at_broker,
    prepare_queues,
    queue_names,
)
from .nodenames import worker_direct
from .state import app_or_default

__all__ = [
    "Filterer",
    "State",
    "StopFiltering",
    "expand_dest",
    "filter_callback",
    "filter_status",
    "migrate_task",
    "migrate_tasks",
    "move",
    "move_by_idmap",
    "move_by_taskmap",
    "move_direct",
    "move_direct_by_id",
    "move_direct_by_idmap",
    "move_direct_by_taskmap",
    "move_task_by_id",
    "prepare_queues",
    "republish",
    "start_filter",
    "task_id_eq",
    "task_id_in",
]

MOVING_PROGRESS_FMT: Final = (
    "Moving task {state.filtered}/{state.strtotal}: {body[task]}[{body[id]}]"
)

#: Properties that belong to a message's way, not to the message.
REMOVED: Final = (
    "application_headers",
    "content_type",
    "content_encoding",
    "headers",
    "delivery_info",
    "delivery_tag",
    "body_encoding",
)


def task_id_eq(task_id: str, body: Body, message: TaskMessage) -> bool:
    """Tell whether a task has this id."""
    return bool(body["id"] == task_id)


def task_id_in(ids: Iterable[str], body: Body, message: TaskMessage) -> bool:
    """Tell whether a task has one of these ids."""
    return body["id"] in ids


def filter_callback(callback: Callable[..., Any], tasks: Iterable[str]) -> Callable[..., Any]:
    """Return what calls it for tasks of these names only; for all if there are none."""

    def filtered(body: Body, message: TaskMessage) -> Any:
        return callback(body, message) if not tasks or body["task"] in tasks else None

    return filtered


def filter_status(state: State, body: Body, message: TaskMessage, **kwargs: Any) -> None:
    """Print what is moved: a callback for `move`."""
    sys.stdout.write(MOVING_PROGRESS_FMT.format(state=state, body=body, **kwargs) + "\n")


def expand_dest(ret: Any, exchange: Any, routing_key: Any) -> Any:
    """Return the queue, its name or the pair that a predicate has answered, else what is given.

    Raises ValueError if neither says where to.
    """
    if isinstance(ret, str | Queue):
        return ret
    if isinstance(ret, tuple | list) and len(ret) == 2:
        return tuple(ret)
    if exchange is None and routing_key is None:
        raise ValueError(
            f"a predicate has answered {ret!r}, and that is no destination: return a queue, or "
            "call move with exchange=… and routing_key=…"
        )
    return exchange or "", routing_key


def move(
    predicate: Callable[[Body, TaskMessage], Any],
    connection: Any = None,
    exchange: Any = None,
    routing_key: str | None = None,
    source: Iterable[Any] | None = None,
    app: Celeriac | None = None,
    callback: Callable[[State, Body, TaskMessage], Any] | None = None,
    limit: int | None = None,
    transform: Callable[[Any], Any] | None = None,
    tasks: Iterable[str] | str | None = None,
    state: State | None = None,
    **kwargs: Any,
) -> State:
    """Move the waiting tasks that a predicate chooses to another queue.

    Args:
        predicate: Called with body and message; a queue, its name or `(exchange, routing_key)` says
            where the task goes, another true value that it goes where the arguments say.
        connection: Accepted for Celery's sake: it is the app's broker.
        exchange: Where tasks go; without one `routing_key` is the name of a queue.
        routing_key: Where tasks go.
        source: Queues that are looked through; default: those that the app knows.
        app: Whose tasks; default: the current app's.
        callback: Called with state, body and message after each move.
        limit: How many are moved at most.
        transform: Makes a destination of what the predicate has answered.
        tasks: Names of tasks, also as `"a,b"`: others are not looked at.
        state: What is counted in.
        **kwargs: Accepted for Celery's sake.

    Raises:
        NotSupported: The broker cannot look into queues and take single messages out.
    """
    app, state = app_or_default(app), state or State()
    names = tasks.split(",") if isinstance(tasks, str) else list(tasks or ())

    def wanted(body: Body, message: TaskMessage) -> Any:
        answer = predicate(body, message)
        return answer and expand_dest(transform(answer) if transform else answer, *given)

    given = exchange, routing_key
    mover = Mover(app, app, state, callback, limit)
    return mover.move(filter_callback(wanted, names), queue_names(app, source))


def move_task_by_id(task_id: str, dest: Any, **kwargs: Any) -> State:
    """Move one task to a queue; keywords are those of `move`."""
    return move_by_idmap({task_id: dest}, **kwargs)


def move_by_idmap(map: Mapping[str, Any], **kwargs: Any) -> State:  # noqa: A002 - Celery's name
    """Move tasks by their ids: `{id: queue}`."""
    return move(lambda body, _: map.get(body["id"]), **{"limit": len(map), **kwargs})


def move_by_taskmap(map: Mapping[str, Any], **kwargs: Any) -> State:  # noqa: A002 - Celery's name
    """Move tasks by their names: `{name: queue}`."""
    return move(lambda body, _: map.get(body["task"]), **kwargs)


#: The same to the queue of one worker, named by its node.
move_direct = partial(move, transform=worker_direct)
move_direct_by_id = partial(move_task_by_id, transform=worker_direct)
move_direct_by_idmap = partial(move_by_idmap, transform=worker_direct)
move_direct_by_taskmap = partial(move_by_taskmap, transform=worker_direct)


def republish(
    producer: Any,
    message: Any,
    exchange: Any = None,
    routing_key: str | None = None,
    remove_props: Iterable[str] = REMOVED,
) -> None:
    """Publish a message again by a producer, ours or kombu's, with all that it says.

    Args:
        producer: What publishes.
        message: One that `start_filter` shows.
        exchange: Where to; default: where it was sent, as for `routing_key`.
        routing_key: See `exchange`.
        remove_props: Properties that are left out.
    """
    info, left_out = message.delivery_info, set(remove_props)
    kept = {name: value for name, value in message.properties.items() if name not in left_out}
    producer.publish(
        message.body,
        exchange=info["exchange"] if exchange is None else exchange,
        routing_key=info["routing_key"] if routing_key is None else routing_key,
        headers=dict(message.headers),
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        **kept,
    )


def migrate_task(
    producer: Any, body_: Any, message: Any, queues: Mapping[str, str] | None = None
) -> None:
    """Publish a message again by a producer, to what its queue is called there."""
    info, renamed = message.delivery_info, queues or {}
    republish(
        producer,
        message,
        exchange=renamed.get(info["exchange"]),
        routing_key=renamed.get(info["routing_key"]),
    )


def migrate_tasks(
    source: Any,
    dest: Any,
    migrate: Callable[..., Any] = migrate_task,
    app: Celeriac | None = None,
    queues: Any = None,
    callback: Callable[..., Any] | None = None,
    limit: int | None = None,
    **kwargs: Any,
) -> State:
    """Move the waiting tasks of one broker to another; both are URLs or views of a broker.

    Args:
        source: Where they are.
        dest: Where they go.
        migrate: A function of one's own, called with a producer that publishes there, body, message
            and `queues`; what it has returned from is taken out if `ack_messages=True` is passed.
        app: Whose settings hold for both.
        queues: Which queues, and what they are called there, as `prepare_queues` takes it;
            default: those that the app knows.
        callback: Called with state, body and message after each.
        limit: How many are moved at most.
        **kwargs: With a function of one's own, more arguments of `Filterer`.
    """
    app, renamed, state = app_or_default(app), prepare_queues(queues), State()
    with at_broker(app, source) as there, at_broker(app, dest) as here:
        if migrate is not migrate_task:
            told = partial(migrate, here.producer_pool.acquire(), queues=renamed)
            options = {"queues": renamed, "callback": callback, "limit": limit, **kwargs}
            return start_filter(there, None, told, **options)
        mover = Mover(there, here, state, callback, limit)
        return mover.move(
            lambda _, message: renamed.get(message.queue, message.queue),
            list(renamed) or queue_names(app, None),
        )
