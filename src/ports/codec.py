"""The codec ports: values to bytes and back, smaller bytes, signed bytes."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ..domain.messaging.payload import EncodeCall, Payload


class Serializer(Protocol):
    """Turns values into bytes and back, under one content type."""

    #: Short name, as in `task_serializer`.
    name: str
    #: MIME type, as in the message's `content-type`.
    content_type: str
    #: Character encoding of the bytes, or `binary`.
    content_encoding: str

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """Encode. Raises EncodeError naming the type that cannot be encoded and where it stands."""

    @abstractmethod
    def loads(self, data: bytes) -> Any:
        """Decode. Raises DecodeError for any bytes that are not of this format; nothing else.

        One that reads signed bytes raises SecurityError before it decodes any that do not hold.
        """


@runtime_checkable
class CallSerializer(Protocol):
    """A serializer that spares calls what they have in common."""

    @abstractmethod
    def calls(self, embed: Mapping[str, Any]) -> EncodeCall:
        """Return what encodes `[args, kwargs, embed]`, byte for byte as `dumps` does."""


class Compressor(Protocol):
    """Makes bytes smaller."""

    #: Short name, as in `task_compression`.
    name: str
    #: What the message's `compression` header says.
    content_type: str

    @abstractmethod
    def compress(self, data: bytes) -> bytes:
        """Return the compressed bytes."""

    @abstractmethod
    def decompress(self, data: bytes) -> bytes:
        """Return the original bytes. Raises DecodeError."""


class Signer(Protocol):
    """Vouches for bytes, and tells whether others did."""

    @abstractmethod
    def sign(self, payload: Payload) -> Payload:
        """Wrap a payload with a signature. Raises SecurityError where none can be given now."""

    @abstractmethod
    def verify(self, payload: Payload) -> Payload:
        """Return the payload inside, not decoded.

        Raises SecurityError, and nothing else, for bytes that were not signed by somebody who is
        trusted now, or were altered since.
        """
