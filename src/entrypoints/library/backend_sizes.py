"""Results of a backend of a site's own made smaller, as `result_compression` asks, and back."""

from typing import Any, Final
from warnings import warn

from ...domain.errors import ImproperlyConfigured
from ...ports.codec import Compressor
from ..adapter_table import COMPRESSORS
from ..codecs import find_compressor

#: What stands before a payload that was made smaller; Celery's, so that its processes read it.
MARK: Final = b"\x00celery-compressed\x00"

UNKNOWN: Final = "result_compression={0!r}: expected a compression; known: {1}"
UNSUPPORTED: Final = (
    "result_compression is not looked at: {0} does not keep bytes as they are "
    "(supports_result_compression is False)"
)


def compress_payload(payload: str | bytes, compression: str) -> bytes:
    """Return an encoded value made smaller, with the name of the method before it."""
    by = _compressor(compression)
    data = payload.encode() if isinstance(payload, str) else bytes(payload)
    return b"".join((MARK, by.content_type.encode(), b"\x00", by.compress(data)))


def decompress_payload(payload: Any) -> Any:
    """Return an encoded value as it was before `compress_payload`; any other as it is."""
    if isinstance(payload, memoryview):
        payload = payload.tobytes()
    if not isinstance(payload, bytes | bytearray) or not payload.startswith(MARK):
        return payload
    named, _, data = bytes(payload[len(MARK) :]).partition(b"\x00")
    return _compressor(named.decode()).decompress(data)


def checked_compression(backend: Any, compression: str | None) -> str | None:
    """Return the method a backend is to use; None, with a warning, if it cannot keep bytes.

    Raises ImproperlyConfigured for one nobody knows.
    """
    if not compression:
        return None
    if not backend.supports_result_compression:
        warn(UNSUPPORTED.format(type(backend).__qualname__), UserWarning, stacklevel=4)
        return None
    _compressor(compression)
    return compression


def _compressor(name: str) -> Compressor:
    found = find_compressor(name)
    if found is None:
        raise ImproperlyConfigured(UNKNOWN.format(name, ", ".join(sorted(COMPRESSORS))))
    return found
