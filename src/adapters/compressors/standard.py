"""What the standard library compresses with; `gzip` and `zlib` both are zlib streams here."""

import bz2
import lzma
import zlib
from typing import Final

from ...domain.errors import DecodeError
from ...ports.codec import Compressor


class ZlibCompressor(Compressor):
    """Quick, and understood by every Celery."""

    name = "zlib"
    content_type = "application/x-gzip"

    def compress(self, data: bytes) -> bytes:
        """Compress."""
        return zlib.compress(data)

    def decompress(self, data: bytes) -> bytes:
        """Return the original. Raises DecodeError."""
        try:
            return zlib.decompress(data)
        except zlib.error as broken:
            raise DecodeError(f"not a zlib stream: {broken}") from broken


class Bzip2Compressor(Compressor):
    """Slower and smaller."""

    name = "bzip2"
    content_type = "application/x-bz2"

    def compress(self, data: bytes) -> bytes:
        """Compress."""
        return bz2.compress(data)

    def decompress(self, data: bytes) -> bytes:
        """Return the original. Raises DecodeError."""
        if not data:  # which the library takes for an empty stream
            raise DecodeError("not a bzip2 stream: it is empty")
        try:
            return bz2.decompress(data)
        except (OSError, ValueError, EOFError) as broken:
            raise DecodeError(f"not a bzip2 stream: {broken}") from broken


class LzmaCompressor(Compressor):
    """Slowest and smallest."""

    name = "lzma"
    content_type = "application/x-lzma"

    def compress(self, data: bytes) -> bytes:
        """Compress."""
        return lzma.compress(data)

    def decompress(self, data: bytes) -> bytes:
        """Return the original. Raises DecodeError."""
        try:
            return lzma.decompress(data)
        except (lzma.LZMAError, EOFError) as broken:
            raise DecodeError(f"not an lzma stream: {broken}") from broken


COMPRESSORS: Final = (ZlibCompressor, Bzip2Compressor, LzmaCompressor)
