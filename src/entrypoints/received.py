"""A message that a worker hands over, as strategies of users' own see it, and their requests."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..application.requests import Request
from ..domain.errors import ImproperlyConfigured, NotSupported
from ..domain.messaging import protocol
from ..domain.messaging.delivery import Delivery
from ..domain.messaging.payload import Codec
from ..domain.work.settlement import DONE, REQUEUE, DeadLetter, Disposition

if TYPE_CHECKING:
    from .library.task import Task

logger = logging.getLogger("celeriac.worker")


class ReceivedMessage:
    """A delivery under kombu's names; always of protocol 2, whatever it came as.

    Acknowledging and rejecting may be done from any thread, once: what comes later is passed over.
    """

    channel = None
    errors = ()

    def __init__(
        self, number: int, delivery: Delivery, codec: Codec, say: Callable[[int, Disposition], None]
    ) -> None:
        """Show this delivery; what becomes of it is told by `say`."""
        self.task_message, self.codec = delivery.message, codec
        self._number, self._delivery, self._say = number, delivery, say
        self._payload: Any = None
        self.acknowledged = False

    @property
    def headers(self) -> dict[str, Any]:
        """All of protocol 2."""
        return protocol.headers_of(self.task_message)

    @property
    def body(self) -> bytes:
        """Arguments and what travels with them, encoded."""
        return self.task_message.body

    @property
    def payload(self) -> Any:
        """The body decoded: args, kwargs, embed. Raises DecodeError or ContentDisallowed."""
        if self._payload is None:
            self._payload = self.decode()
        return self._payload

    def decode(self) -> Any:
        """Return the body decoded."""
        return self.codec.decode(self.task_message.payload)

    @property
    def properties(self) -> dict[str, Any]:
        """What the sender said beside the headers."""
        message = self.task_message
        said = {"correlation_id": message.id, **message.properties, "priority": message.priority}
        return {**said, "delivery_tag": self._number, "delivery_info": self.delivery_info}

    @property
    def delivery_info(self) -> dict[str, Any]:
        """How it came here."""
        message = self.task_message
        return {
            "exchange": message.exchange,
            "routing_key": message.routing_key or self._delivery.queue,
            "priority": message.priority,
            "redelivered": self._delivery.redelivered,
        }

    @property
    def delivery_tag(self) -> int:
        """A number of its own in this worker."""
        return self._number

    @property
    def content_type(self) -> str:
        """How the body is encoded."""
        return self.task_message.content_type

    @property
    def content_encoding(self) -> str:
        """How its text is."""
        return self.task_message.content_encoding

    def ack(self, multiple: bool = False) -> None:
        """Say that it is done with."""
        self._is(DONE)

    def reject(self, requeue: bool = False) -> None:
        """Say that it is not to be dealt with here: put aside, or given back."""
        self._is(REQUEUE if requeue else DeadLetter("rejected", "by the strategy of its task"))

    def requeue(self) -> None:
        """Give it back."""
        self._is(REQUEUE)

    def ack_log_error(self, logger: Any = None, errors: Any = (), multiple: bool = False) -> None:
        """Say that it is done with. It is the worker that sees to a store that is away."""
        self.ack()

    def reject_log_error(self, logger: Any = None, errors: Any = (), requeue: bool = False) -> None:
        """Reject it; as above."""
        self.reject(requeue)

    def _is(self, disposition: Disposition) -> None:
        if not self.acknowledged:
            self.acknowledged = True
            self._say(self._number, disposition)

    def __repr__(self) -> str:
        """Show what it is."""
        return f"<Message {self.task_message.task}[{self.task_message.id}] at {self._number}>"


def received_class(base: type[Request], task: "Task[..., Any]", hostname: str) -> type[Request]:
    """Return a class of requests that are made of such messages. Raises ImproperlyConfigured."""
    kind: Any = base  # Request, or a class of users' own
    if not (isinstance(kind, type) and issubclass(kind, Request)):
        raise ImproperlyConfigured(
            f"{base!r}: expected celery.worker.request.Request as celeriac knows it "
            "(celeriac --as-celery), or a class derived from it"
        )

    class ReceivedRequest(kind):  # type: ignore[misc]
        utc = True
        worker_pid = time_start = None

        def __init__(
            self,
            message: Any,
            on_ack: Callable[..., Any] | None = None,
            on_reject: Callable[..., Any] | None = None,
            app: Any = None,
            connection_errors: Any = (),
            **_: Any,
        ) -> None:
            if not isinstance(message, ReceivedMessage):
                raise NotSupported(
                    f"{type(message).__name__} is no message of a worker's: a request is made of "
                    "what a strategy is given"
                )
            super().__init__(message.task_message, message.codec, hostname, lambda name: task)
            self.on_ack = on_ack or message.ack_log_error
            self.on_reject = on_reject or message.reject_log_error
            self.acknowledged = False
            self._app, self._errors, self._message = app, connection_errors, message

        @property
        def _payload(self) -> Any:
            return self._decoded()

        @property
        def app(self) -> Any:
            return self._app or task.app

        @property
        def delivery_info(self) -> dict[str, Any]:
            return self._message.delivery_info

        def acknowledge(self) -> None:
            if not self.acknowledged:
                self.on_ack(logger, self._errors)
                self.acknowledged = True

        def reject(self, requeue: bool = False) -> None:
            if not self.acknowledged:
                self.on_reject(logger, self._errors, requeue)
                self.acknowledged = True

        def revoked(self) -> bool:
            """Whether it is not to be run: such are not handed over."""
            return False

        maybe_expire = revoked

    return ReceivedRequest
