"""Messages of older protocols, made such as the worker's core knows them before it sees any.

They are rare, so the price for all others is a look at one byte. What is accepted is the codec's
to say, before a byte is decoded.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from ..domain.errors import CeleriacError, ContentDisallowed, SecurityError
from ..domain.messaging.delivery import Delivery, Orphan, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec, Payload
from ..domain.messaging.protocol_1 import is_whole, made_whole

Claims = Sequence[Delivery | Undecodable]


class MakingWhole:
    """Turns deliveries of protocol 1, and hybrids, into those of protocol 2."""

    def __init__(self, codec: Codec, local: tzinfo) -> None:
        """Decode with the codec of task messages; `local` is the zone of the app."""
        self._codec, self._local = codec, local

    def deliveries(self, batch: Claims) -> Claims:
        """Return a batch with nothing in it that is not whole."""
        if all(type(one) is not Delivery or is_whole(one.message) for one in batch):
            return batch
        return [self._delivery(one) for one in batch]

    def orphans(self, orphans: Sequence[Orphan]) -> Sequence[Orphan]:
        """Do the same with what was adopted."""
        return [replace(one, delivery=self._delivery(one.delivery)) for one in orphans]

    def _delivery(self, one: Delivery | Undecodable) -> Delivery | Undecodable:
        if isinstance(one, Undecodable) or is_whole(one.message):
            return one
        message = one.message
        try:
            return replace(one, message=self._made_whole(message))
        except (CeleriacError, ValueError) as broken:
            if message.task:
                return one  # its sender is told, by whoever is to run it
            return Undecodable(message.body, one.token, one.queue, str(broken), _kind(broken))

    def _made_whole(self, message: TaskMessage) -> TaskMessage:
        value = self._codec.decode(message.payload)
        return made_whole(message, value, self._encode, self._local)

    def _encode(self, value: object, content_type: str) -> Payload:
        return self._codec.encode(value, content_type)


def _kind(broken: Exception) -> str:
    match broken:
        case ContentDisallowed():
            return "not-accepted"
        case SecurityError():
            return "not-trusted"
        case _:
            return "undecodable"
