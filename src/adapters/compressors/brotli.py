"""Brotli: smaller than zlib, and slower to write."""

from ...domain.errors import DecodeError, MissingExtra
from ...ports.codec import Compressor

try:
    import brotli
except ImportError:
    try:
        # The one for PyPy.
        import brotlicffi as brotli  # pyright: ignore[reportMissingImports]
    except ImportError as missing:
        raise MissingExtra("compression 'brotli'", "brotli", "brotli") from missing


class BrotliCompressor(Compressor):
    """As Celery writes it, in the library's best quality."""

    name = "brotli"
    content_type = "application/x-brotli"

    def compress(self, data: bytes) -> bytes:
        """Compress."""
        compressed: bytes = brotli.compress(data)
        return compressed

    def decompress(self, data: bytes) -> bytes:
        """Return the original. Raises DecodeError."""
        try:
            original: bytes = brotli.decompress(data)
        except brotli.error as broken:
            raise DecodeError(f"not a brotli stream: {broken}") from broken
        return original
