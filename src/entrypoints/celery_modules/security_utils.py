"""`celery.security.utils`: hashes by name, and one kind of error for what cannot be trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ...domain.errors import MissingExtra, SecurityError
from ..adapter_table import SIGNATURE_HASH, load

__all__ = ["get_digest_algorithm", "reraise_errors"]

_CRYPTOGRAPHYS = ("AlreadyFinalized", "InvalidKey", "InvalidSignature", "InvalidTag")


def get_digest_algorithm(digest: str = "sha256") -> Any:
    """Return the hash of a name, as `cryptography` has it. Raises ImproperlyConfigured."""
    return load(SIGNATURE_HASH)(digest)


@contextmanager
def reraise_errors(
    msg: str = "{0!r}", errors: tuple[type[BaseException], ...] | None = None
) -> Iterator[None]:
    """Raise SecurityError for errors of these kinds: by default those of `cryptography`.

    In the message `{0}` stands for the error.
    """
    expected = _cryptographys() if errors is None else errors
    try:
        yield
    except expected as broken:
        raise SecurityError(msg.format(broken)) from broken


def _cryptographys() -> tuple[type[BaseException], ...]:
    try:
        module = import_module("cryptography.exceptions")
    except ImportError as missing:
        raise MissingExtra("serializer 'auth'", "auth", "cryptography") from missing
    return tuple(getattr(module, name) for name in _CRYPTOGRAPHYS)
