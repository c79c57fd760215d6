"""Tell those who listen that messages are about to be published, and that they were.

What a receiver may look at is made here, and only where somebody listens.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.messaging import protocol
from ..domain.messaging.compose import embed_of
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from .signals import after_task_publish, before_task_publish, task_sent


def before(
    message: TaskMessage,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
    codec: Codec,
) -> TaskMessage:
    """Send `before_task_publish`; return the message as the receivers leave it.

    They may change headers, properties, and arguments, each in place.
    """
    headers, properties = protocol.headers_of(message), protocol.properties_of(message)
    body = list(args), dict(kwargs), dict(embed_of(options))
    before_task_publish.send(
        sender=message.task,
        body=body,
        exchange=message.exchange,
        routing_key=message.routing_key,
        headers=headers,
        properties=properties,
        declare=[],
        retry_policy=options.get("retry_policy"),
    )
    payload = codec.encode(list(body), message.content_type, headers.get("compression"))
    return protocol.read(
        headers,
        properties,
        payload,
        queue=message.queue,
        exchange=message.exchange,
        routing_key=message.routing_key,
    )


def after(messages: Sequence[TaskMessage], codec: Codec) -> None:
    """Send `after_task_publish` (and `task_sent`, its old name) for each, if anybody listens."""
    if not (after_task_publish.receivers or task_sent.receivers):
        return
    for message in messages:
        body = _body(message, codec)
        headers = protocol.headers_of(message)
        after_task_publish.send(
            sender=message.task,
            body=body,
            headers=headers,
            exchange=message.exchange,
            routing_key=message.routing_key,
        )
        if task_sent.receivers:
            args, kwargs, _ = body if isinstance(body, tuple) and len(body) == 3 else ((), {}, {})
            task_sent.send(
                sender=message.task,
                task_id=message.id,
                task=message.task,
                args=args,
                kwargs=kwargs,
                eta=headers["eta"],
                taskset=message.group_id,
            )


def _body(message: TaskMessage, codec: Codec) -> Any:
    """Return (args, kwargs, embed), or the bytes of what this process does not accept."""
    try:
        decoded = codec.decode(message.payload)
    except Exception:
        return message.body
    return tuple(decoded) if isinstance(decoded, list | tuple) else decoded
