"""What is said on the bus, in the serializers that the settings name, as in Celery."""

from typing import Any

from ..domain.cluster.speech import BusMessage
from ..domain.messaging.payload import Codec, Payload
from ..ports.bus import Bodies


class CodedBodies(Bodies):
    """Remote control in the serializer of tasks, events in their own; accepts what `codec` does."""

    def __init__(self, codec: Codec, of_control: str, of_events: str) -> None:
        """Write with these serializers."""
        self._codec, self._of_control, self._of_events = codec, of_control, of_events

    def encode(self, message: BusMessage) -> Payload:
        """Return the body of a message as bytes. Raises EncodeError."""
        control = message.channel.endswith(".pidbox")
        return self._codec.encode(message.body, self._of_control if control else self._of_events)

    def decode(self, payload: Payload) -> Any:
        """Return a body. Raises what the codec raises."""
        return self._codec.decode(payload)
