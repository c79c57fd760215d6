"""What the domain's tests build on: a time, a codec, and messages with all the rest left out."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from celeriac.domain.errors import DecodeError, EncodeError
from celeriac.domain.messaging.delivery import Delivery, Token
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import EncodeCall, Payload

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class JsonCodec:
    """JSON and nothing else; a serializer's name only becomes part of the content type."""

    def encode(
        self, value: Any, serializer: str | None = None, compression: str | None = None
    ) -> Payload:
        try:
            data = json.dumps(value).encode()
        except (TypeError, ValueError) as broken:
            raise EncodeError(str(broken)) from broken
        return Payload(data, f"application/{serializer or 'json'}")

    def calls(
        self,
        embed: Mapping[str, Any],
        serializer: str | None = None,
        compression: str | None = None,
    ) -> EncodeCall:
        def encode(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
            return self.encode([args, kwargs, embed], serializer, compression).data

        return encode

    def decode(self, payload: Payload) -> Any:
        try:
            return json.loads(payload.data)
        except ValueError as broken:
            raise DecodeError(str(broken)) from broken


CODEC = JsonCodec()


def message(id_: str = "id-1", task: str = "shop.add", **changes: Any) -> TaskMessage:
    return TaskMessage(id_, task, changes.pop("body", b"[[2, 3], {}, {}]"), **changes)


def delivered(sent: TaskMessage, tag: int = 1, **changes: Any) -> Delivery:
    return Delivery(sent, Token(tag, 1), "celery", **changes)
