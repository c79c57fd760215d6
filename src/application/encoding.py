"""Values to payloads and back, by the serializers there are and the content types accepted."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..domain.errors import ContentDisallowed, DecodeError, MissingExtra, SerializerNotInstalled
from ..domain.messaging.payload import Codec, EncodeCall, Payload
from ..ports.codec import CallSerializer, Compressor, Serializer

#: Finds a serializer by its name or content type; None when there is none.
Find = Callable[[str], Serializer | None]
FindCompressor = Callable[[str], Compressor | None]

#: Content encodings under which bytes are read as they are.
_AS_THEY_ARE: Final = frozenset(("", "binary", "utf-8", "utf8", "us-ascii", "ascii", "ascii-8bit"))


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
        """Use `default` where none is named; accept these names or content types.

        Raises MissingExtra for an accepted one whose library is not installed.
        """
        self._find, self._default = find, default
        self._find_compressor = find_compressor
        self._accept = frozenset(accept)
        self._writers: dict[str | None, Serializer] = {}
        # All are found now: what a message names leads to no search.
        found = [one for name in self._accept if (one := find(name)) is not None]
        self._readers: dict[str, Serializer] = {one.content_type: one for one in found}
        self._compressors: dict[str, Compressor] = {}

    def encode(
        self, value: Any, serializer: str | None = None, compression: str | None = None
    ) -> Payload:
        """Encode. Raises EncodeError, or SerializerNotInstalled for an unknown name."""
        writer = self._writers.get(serializer) or self._writer(serializer)
        data = writer.dumps(value)
        if compression:
            by = self._compressor(compression)
            data, compression = by.compress(data), by.content_type
        return Payload(data, writer.content_type, writer.content_encoding, compression or None)

    def calls(
        self, embed: Mapping[str, Any], serializer: str | None, compression: str | None
    ) -> EncodeCall:
        """Return what encodes calls with this embed. Raises SerializerNotInstalled."""
        encode = self._call_encoder(self._writer(serializer), embed)
        if not compression:
            return encode
        by = self._compressor(compression)
        return lambda args, kwargs: by.compress(encode(args, kwargs))

    def decode(self, payload: Payload) -> Any:
        """Decode. Raises ContentDisallowed, DecodeError, and SecurityError for what is signed."""
        reader = self._readers.get(payload.content_type)
        if reader is None:
            raise self._not_accepted(payload.content_type)
        data = payload.data
        if payload.compression:
            data = self._decompressed(data, str(payload.compression))
        if payload.content_encoding != reader.content_encoding:
            data = _in_utf8(data, payload.content_encoding, reader)
        return reader.loads(data)

    def _writer(self, serializer: str | None) -> Serializer:
        writer = self._writers.get(serializer)
        if writer is None:
            writer = self._writers[serializer] = self._named(serializer or self._default)
        return writer

    @staticmethod
    def _call_encoder(writer: Serializer, embed: Mapping[str, Any]) -> EncodeCall:
        if isinstance(writer, CallSerializer):
            return writer.calls(embed)
        return lambda args, kwargs: writer.dumps([list(args), dict(kwargs), embed])

    def _compressor(self, name: str) -> Compressor:
        found = self._compressors.get(name) or self._find_compressor(name)
        if found is None:
            raise SerializerNotInstalled(
                f"no compression is called {name!r}: check task_compression, result_compression "
                "and the call's compression option"
            )
        return self._compressors.setdefault(name, found)

    def _decompressed(self, data: bytes, content_type: str) -> bytes:
        try:
            found = self._compressors.get(content_type) or self._find_compressor(content_type)
        except MissingExtra as missing:
            raise ContentDisallowed(str(missing)) from missing
        if found is None:
            raise ContentDisallowed(f"compression {content_type!r} is not known here")
        return self._compressors.setdefault(content_type, found).decompress(data)

    def _named(self, name: str) -> Serializer:
        found = self._find(name)
        if found is None:
            raise SerializerNotInstalled(
                f"no serializer is called {name!r}: check task_serializer, result_serializer and "
                "the call's serializer option"
            )
        return found

    def _not_accepted(self, content_type: str) -> ContentDisallowed:
        return ContentDisallowed(
            f"content type {content_type!r} is not accepted; accept_content is "
            f"{sorted(self._accept)}: name it there if you trust every sender"
        )


def _in_utf8(data: bytes, encoding: str, reader: Serializer) -> bytes:
    """Return text of another character encoding as the reader expects it. Raises DecodeError."""
    if reader.content_encoding != "utf-8" or encoding.lower() in _AS_THEY_ARE:
        return data
    try:
        return data.decode(encoding).encode()
    except (LookupError, UnicodeError) as broken:
        raise DecodeError(f"not text in {encoding!r}: {broken}") from broken
