"""What wraps kombu's `Producer.publish` sees the messages of tasks, though none goes through it.

Each message is shown to the wrapped method, by something that has of a producer what the method
needs; what a wrapper does to the headers is done to the message.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...domain.messaging import protocol

if TYPE_CHECKING:
    from ...domain.messaging.message import TaskMessage
    from .app import Celeriac
    from .connections import Connection

_KOMBU: Final = "kombu.messaging"


def patched() -> bool:
    """Tell whether somebody has replaced `kombu.Producer.publish`."""
    kombu = sys.modules.get(_KOMBU)
    return kombu is not None and kombu.Producer.publish.__module__ != _KOMBU


def announced(
    app: "Celeriac",
    messages: "Sequence[TaskMessage]",
    publish: "Callable[[Sequence[TaskMessage]], None]" = lambda messages: None,
) -> None:
    """Show each message, and publish all of them within the showing of the last."""
    shown: list[TaskMessage] = []
    for message in messages[:-1]:
        _show(app, message, shown.append)
    _show(app, messages[-1], lambda last: publish([*shown, last]))


def _show(app: "Celeriac", message: "TaskMessage", act: "Callable[[TaskMessage], None]") -> None:
    publish: Any = sys.modules[_KOMBU].Producer.publish
    publish(
        _Shown(app, message, act),
        message.body,
        routing_key=message.routing_key or message.queue,
        exchange=message.exchange,
        headers=protocol.headers_of(message),
        priority=message.priority,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        **{k: v for k, v in message.properties.items() if k in ("correlation_id", "reply_to")},
    )


class _Shown:
    """A producer of one message, as far as kombu's own `publish` looks at its producer."""

    auto_declare = False
    compression = None
    serializer = None
    mandatory = False
    #: As kombu's, which asks the exchange for its name where it declares.
    exchange = None
    routing_key = ""

    def __init__(
        self, app: "Celeriac", message: "TaskMessage", act: "Callable[[TaskMessage], None]"
    ) -> None:
        self.app, self._message, self._act = app, message, act

    @property
    def connection(self) -> "Connection":
        """The way to the broker."""
        return self.app.connection()

    def _delivery_details(self, exchange: Any, delivery_mode: Any = None) -> tuple[Any, int]:
        return exchange or "", self._message.delivery_mode

    def _prepare(self, body: Any, *args: Any) -> tuple[Any, str, str]:
        message = self._message
        return body, message.content_type, message.content_encoding

    def _publish(
        self,
        body: Any,
        priority: Any,
        content_type: Any,
        content_encoding: Any,
        headers: Any,
        *args: Any,
    ) -> None:
        message = self._message
        if headers != protocol.headers_of(message):
            message = protocol.read(
                headers,
                protocol.properties_of(message),
                message.payload,
                queue=message.queue,
                exchange=message.exchange,
                routing_key=message.routing_key,
            )
        self._act(message)
