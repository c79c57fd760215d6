"""Values to payloads and back, by the serializers there are and the content types accepted."""

from collections.abc import Callable, Iterable
from typing import Any

from ..domain.errors import ContentDisallowed, SerializerNotInstalled
from ..domain.messaging.payload import Codec, Payload
from ..ports.codec import Compressor, Serializer

#: Finds a serializer by its name or content type; None when there is none.
Find = Callable[[str], Serializer | None]
FindCompressor = Callable[[str], Compressor | None]


def _none(name: str) -> None:
    """Know no compressor."""


class SerializerCodec(Codec):
    """Encodes with any serializer there is; decodes what is accepted, checked before a byte is."""

    def __init__(
        self,
        find: Find,
        default: str,
        accept: Iterable[str],
        find_compressor: FindCompressor = _none,
    ) -> None:
        """Use `default` where none is named; accept these names or content types."""
        self._find, self._default = find, default
        self._find_compressor = find_compressor
        self._accept = frozenset(accept)
        self._writers: dict[str | None, Serializer] = {}
        self._readers: dict[str, Serializer] = {}

    def encode(
        self, value: Any, serializer: str | None = None, compression: str | None = None
    ) -> Payload:
        """Encode. Raises EncodeError, or SerializerNotInstalled for an unknown name."""
        writer = self._writers.get(serializer)
        if writer is None:
            writer = self._writers[serializer] = self._named(serializer or self._default)
        data = writer.dumps(value)
        if compression:
            by = self._compressor(compression)
            data, compression = by.compress(data), by.content_type
        return Payload(data, writer.content_type, writer.content_encoding, compression or None)

    def decode(self, payload: Payload) -> Any:
        """Decode. Raises ContentDisallowed or DecodeError."""
        reader = self._readers.get(payload.content_type)
        if reader is None:
            reader = self._readers[payload.content_type] = self._accepted(payload.content_type)
        if payload.compression:
            return reader.loads(self._decompressed(payload.data, payload.compression))
        return reader.loads(payload.data)

    def _compressor(self, name: str) -> Compressor:
        found = self._find_compressor(name)
        if found is None:
            raise SerializerNotInstalled(
                f"no compression is called {name!r}: check task_compression and the call's "
                "compression option"
            )
        return found

    def _decompressed(self, data: bytes, content_type: str) -> bytes:
        found = self._find_compressor(str(content_type))
        if found is None:
            raise ContentDisallowed(f"compression {content_type!r} is not known here")
        return found.decompress(data)

    def _named(self, name: str) -> Serializer:
        found = self._find(name)
        if found is None:
            raise SerializerNotInstalled(
                f"no serializer is called {name!r}: check task_serializer, result_serializer and "
                "the call's serializer option"
            )
        return found

    def _accepted(self, content_type: str) -> Serializer:
        found = self._find(content_type)
        if found is None or not self._accept & {found.name, found.content_type}:
            raise ContentDisallowed(
                f"content type {content_type!r} is not accepted; accept_content is "
                f"{sorted(self._accept)}: name it there if you trust every sender"
            )
        return found
