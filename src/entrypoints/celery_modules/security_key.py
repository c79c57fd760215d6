"""`celery.security.key`: the key that one signs with."""

from typing import Any

from ...domain.errors import SecurityError
from ..adapter_table import PRIVATE_KEY, SIGNATURE_PADDING, load

__all__ = ["PrivateKey"]


class PrivateKey:
    """An RSA key that signs."""

    def __init__(self, key: str | bytes, password: str | bytes | None = None) -> None:
        """Take the content of a PEM file. Raises SecurityError, MissingExtra."""
        self._key = load(PRIVATE_KEY)(in_bytes(key), in_bytes(password) or None, "the private key")

    def sign(self, data: str | bytes, digest: Any) -> bytes:
        """Return the signature of data. `digest` is of `get_digest_algorithm`."""
        try:
            signature: bytes = self._key.sign(
                in_bytes(data), load(SIGNATURE_PADDING)(digest), digest
            )
        except ValueError as broken:
            raise SecurityError(f"the private key cannot sign: {broken}") from broken
        return signature


def in_bytes(text: str | bytes | None) -> bytes:
    """Return a text's UTF-8; bytes as they are, none for None."""
    return text.encode() if isinstance(text, str) else text or b""
