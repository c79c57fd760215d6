"""The serializer `auth`: what another one wrote, vouched for by its signer.

What must stay true: no byte is decoded before the signature was found to hold. The format inside
is named by a field that no signature covers, so it must be one of those expected.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from ..domain.errors import SecurityError
from ..domain.messaging.payload import Payload
from ..ports.codec import Serializer, Signer

#: Reading these runs no code of the sender's, so that they are expected of whoever is trusted.
HARMLESS: Final = frozenset(("json", "yaml", "msgpack"))


class SignedSerializer(Serializer):
    """Signs on writing, verifies on reading."""

    name = "auth"
    content_type = "application/data"
    content_encoding = "utf-8"

    def __init__(
        self,
        signer: Signer,
        writer: Serializer,
        find: Callable[[str], Serializer | None],
        expected: Collection[str] = (),
    ) -> None:
        """Sign what `writer` writes; read it, harmless formats, and those of the names expected."""
        self._signer, self._writer, self._find = signer, writer, find
        self._expected = HARMLESS | {writer.name, writer.content_type} | set(expected)

    def dumps(self, value: Any) -> bytes:
        """Encode and sign. Raises EncodeError, SecurityError."""
        writer = self._writer
        inside = Payload(writer.dumps(value), writer.content_type, writer.content_encoding)
        return self._signer.sign(inside).data

    def loads(self, data: bytes) -> Any:
        """Verify and decode. Raises SecurityError, then DecodeError."""
        inside = self._signer.verify(Payload(data, self.content_type, self.content_encoding))
        return self._reader(inside.content_type).loads(inside.data)

    def _reader(self, content_type: str) -> Serializer:
        if content_type == self._writer.content_type:
            return self._writer
        found = self._find(content_type)
        if found is None or not self._expected & {found.name, found.content_type}:
            raise SecurityError(
                f"what is signed is of content type {content_type!r}: read are "
                f"{sorted(self._expected)}; name it in security_allowed_serializers if every "
                "signer may send it"
            )
        return found
