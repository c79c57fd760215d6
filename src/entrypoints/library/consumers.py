"""What receivers of events are made of, in kombu's words: consumers, and the messages they get.

A consumer is a wish: which queues are heard, and who is called. The receiver that asked for it
hears for all its consumers at once.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ...domain.cluster.speech import BusMessage, Topic, is_for
from ...domain.errors import NotSupported

#: Kinds of exchanges whose messages reach everybody who listens.
HEARD: Final = ("topic", "fanout")

Callback = Callable[[Any, "Heard"], object]


class Heard:
    """A message as callbacks get it beside its body; nothing waits for its acknowledgement."""

    acknowledged = True

    def __init__(self, said: BusMessage, channel: Any = None) -> None:
        """Show what was said."""
        self.body = self.payload = said.body
        self.headers = dict(said.headers)
        self.delivery_info = {"exchange": said.channel, "routing_key": said.key}
        self.properties: dict[str, Any] = {}
        self.channel = channel

    def decode(self) -> Any:
        """Return the body."""
        return self.payload

    def ack(self, multiple: bool = False) -> None:
        """Do nothing: what is said to all is not kept for anybody."""

    ack_log_error = reject = reject_log_error = requeue = ack


class Consumer:
    """A wish to hear queues bound to topic or fanout exchanges.

    Args:
        channel: Where it was made.
        queues: Queues of ours or of kombu; what counts is exchange and routing key.
        callbacks: Called with body and message.
        no_ack: Accepted for kombu's sake, as is `accept`: what may be read is `accept_content`.
        accept: See `no_ack`.
        on_message: Called with the message only, instead of the callbacks.
        on_decode_error: Called with a message and an error if it holds no event.
        **options: Further options of kombu's; without effect here.
    """

    def __init__(
        self,
        channel: Any = None,
        queues: Any = None,
        callbacks: Iterable[Callback] | None = None,
        no_ack: bool | None = None,
        accept: Iterable[str] | None = None,
        on_message: Callable[[Heard], object] | None = None,
        on_decode_error: Callable[[Heard, Exception], object] | None = None,
        **options: Any,
    ) -> None:
        self.channel = channel
        self.queues: list[Any] = _listed(queues)
        self.callbacks: list[Callback] = list(callbacks or ())
        self.no_ack, self.accept = no_ack, accept
        self.on_message, self.on_decode_error = on_message, on_decode_error

    @property
    def topics(self) -> Sequence[Topic]:
        """What it wants to hear. Raises NotSupported for a queue that nobody can listen to."""
        return [_topic(queue) for queue in self.queues]

    def register_callback(self, callback: Callback) -> None:
        """Call this one too."""
        self.callbacks.append(callback)

    def add_queue(self, queue: Any) -> Any:
        """Hear this one too, from the next capture on."""
        self.queues.append(queue)
        return queue

    def receive(self, body: Any, message: Heard) -> None:
        """Hand a message to whom it is for."""
        if self.on_message is not None:
            self.on_message(message)
            return
        for callback in self.callbacks:
            callback(body, message)

    def wants(self, said: BusMessage) -> bool:
        """Tell whether a message is for this consumer."""
        return is_for(self.topics, said)


def _listed(queues: Any) -> list[Any]:
    if queues is None:
        return []
    if hasattr(queues, "exchange"):
        return [queues]
    return list(queues.values() if hasattr(queues, "values") else queues)


def _topic(queue: Any) -> Topic:
    exchange = queue.exchange
    name = getattr(exchange, "name", exchange) or ""
    # Ours says kind, kombu's type.
    kind = getattr(exchange, "kind", None) or getattr(exchange, "type", None) or "topic"
    if not name or kind not in HEARD:
        raise NotSupported(
            f"a receiver hears queues of topic and fanout exchanges; {queue!r} is bound to a "
            f"{kind} one ({name!r}), whose messages are one worker's: let a worker or a "
            "bootsteps.ConsumerStep take them"
        )
    return Topic(name, queue.routing_key or "#") if kind == "topic" else Topic(name, "#")
