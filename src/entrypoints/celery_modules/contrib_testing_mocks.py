"""`celery.contrib.testing.mocks`: messages of tasks for tests, without a broker."""

from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import Mock

from ..library.current import get_current

__all__ = ["ContextMock", "TaskMessage", "TaskMessage1", "task_message_from_sig"]


def TaskMessage(
    name: str,
    id: str | None = None,  # noqa: A002 - Celery's name
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] | None = None,
    errbacks: Sequence[Any] | None = None,
    chain: Sequence[Any] | None = None,
    shadow: str | None = None,
    utc: Any = None,
    **options: Any,
) -> Any:
    """Return a mock of the message that a call is sent as, in protocol 2."""
    app = options.pop("app", None) or get_current()
    links = {"link": callbacks, "link_error": errbacks, "chain": chain, "shadow": shadow}
    made = app.sending.message(
        name,
        tuple(args),
        dict(kwargs or {}),
        {**{key: value for key, value in links.items() if value}, "task_id": id, **options},
    )
    from ...domain.messaging import protocol

    message = Mock(name=f"TaskMessage-{made.id}")
    message.headers = protocol.headers_of(made)
    message.properties = protocol.properties_of(made)
    message.body, message.content_type = made.body, made.content_type
    message.content_encoding = made.content_encoding
    message.payload = tuple(app.container.codec().decode(made.payload))
    message.decode.return_value = message.payload
    message.delivery_info = {"routing_key": made.routing_key, "exchange": made.exchange}
    message.acknowledged = False
    return message


def TaskMessage1(
    name: str,
    id: str | None = None,  # noqa: A002 - Celery's name
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] | None = None,
    errbacks: Sequence[Any] | None = None,
    chain: Sequence[Any] | None = None,
    **options: Any,
) -> Any:
    """Return a mock of the message that a call was sent as in protocol 1, which knows no chains.

    More keywords are those of `app.amqp.as_task_v1`, such as `eta`, and the `app`.
    """
    app = options.pop("app", None) or get_current()
    parts = app.amqp.as_task_v1(
        id or app.new_id(), name, args, kwargs, callbacks=callbacks, errbacks=errbacks, **options
    )
    body = app.container.codec().encode(parts.body, "json")
    message = Mock(name=f"TaskMessage-{parts.body['id']}")
    message.headers, message.properties = parts.headers, parts.properties
    message.payload, message.body = parts.body, body.data.decode()
    message.content_type, message.content_encoding = body.content_type, body.content_encoding
    message.decode.return_value = parts.body
    message.delivery_info = {"routing_key": app.conf.task_default_queue, "exchange": ""}
    message.acknowledged = False
    return message


def task_message_from_sig(
    app: Any, sig: Any, utc: bool = True, TaskMessage: Any = TaskMessage
) -> Any:
    """Return a mock of the message that a signature is sent as."""
    given = sig.freeze()
    options = {k: v for k, v in sig.options.items() if k in ("eta", "countdown", "expires")}
    return TaskMessage(
        sig.task,
        id=given.id,
        args=sig.args,
        kwargs=sig.kwargs,
        callbacks=[dict(one) for one in sig.options.get("link") or ()] or None,
        errbacks=[dict(one) for one in sig.options.get("link_error") or ()] or None,
        app=app,
        **options,
    )


class _ContextMock(Mock):
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        return None


def ContextMock(*args: Any, **kwargs: Any) -> Any:
    """Return a mock that may be entered and left."""
    return _ContextMock(*args, **kwargs)
