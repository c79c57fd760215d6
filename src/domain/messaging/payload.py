"""Encoded values: bytes that name their content type, and what turns values into them and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..quick_values import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Payload:
    """An encoded value with the names a reader needs to decode it."""

    data: bytes
    content_type: str = "application/json"
    content_encoding: str = "utf-8"
    #: Content type of the compression `data` went through, if any.
    compression: str | None = None


#: Encodes the arguments of calls that have all else in common. Raises EncodeError.
EncodeCall = Callable[[Sequence[Any], Mapping[str, Any]], bytes]


class Codec(Protocol):
    """What pure code asks for when a value must become bytes or the other way round.

    Implementations are pure functions of their arguments; the serializers behind them are adapters.
    """

    def encode(
        self, value: Any, serializer: str | None = None, compression: str | None = None
    ) -> Payload:
        """Encode with the named serializer (None: the default one), and compress if asked to.

        Raises EncodeError.
        """
        ...

    def calls(
        self, embed: Mapping[str, Any], serializer: str | None, compression: str | None
    ) -> EncodeCall:
        """Return what encodes `[args, kwargs, embed]`, as `encode` would, for one `embed`."""
        ...

    def decode(self, payload: Payload) -> Any:
        """Decode, if the content type is accepted.

        Raises ContentDisallowed, DecodeError, or SecurityError for a signature that does not hold.
        """
        ...
