"""Keys and certificates as they stand in PEM files, and the store of those that are trusted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from glob import glob
from pathlib import Path

from ...domain.errors import ImproperlyConfigured, MissingExtra, SecurityError

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509 import load_pem_x509_certificate
except ImportError as missing:
    raise MissingExtra("serializer 'auth'", "auth", "cryptography") from missing

logger = logging.getLogger("celeriac.security")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whose key it is. `ends` is aware UTC."""

    issuer: str
    serial: int
    ends: datetime
    key: rsa.RSAPublicKey

    @property
    def id(self) -> str:
        """What a signed message calls its signer."""
        return f"{self.issuer} {self.serial}"


def read_key(path: str, password: bytes | None) -> rsa.RSAPrivateKey:
    """Read a private key. Raises SecurityError for what is none, ImproperlyConfigured without."""
    return parse_key(_content("security_key", path), password, f"security_key={path!r}")


def parse_key(pem: bytes, password: bytes | None, source: str) -> rsa.RSAPrivateKey:
    """Return the private key of a PEM text. Raises SecurityError, which names the source."""
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError) as broken:
        raise SecurityError(
            f"{source}: not a private key that can be read, or not with this "
            f"security_key_password: {broken}"
        ) from broken
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SecurityError(f"{source}: expected an RSA key, the only kind supported")
    return key


def read_certificate(setting: str, path: str) -> Certificate:
    """Read a certificate: the first of a file that holds several. Raises as `read_key` does."""
    return parse_certificate(_content(setting, path), f"{setting}: {path!r}")


def parse_certificate(pem: bytes, source: str) -> Certificate:
    """Return the first certificate of a PEM text. Raises SecurityError, which names the source."""
    try:
        found = load_pem_x509_certificate(pem)
        key = found.public_key()
        issuer = " ".join(str(part.value) for part in found.issuer)
    except Exception as broken:  # the library has errors of many kinds for a broken file
        raise SecurityError(f"{source} is not a certificate: {broken}") from broken
    if not isinstance(key, rsa.RSAPublicKey):
        raise SecurityError(f"{source} is not of an RSA key, the only kind supported")
    return Certificate(issuer, found.serial_number, found.not_valid_after_utc, key)


def read_store(pattern: str, now: datetime) -> Mapping[str, Certificate]:
    """Read the certificates of a folder, or of all files that a glob finds.

    Expired ones are read too, since their signers are refused by name, but warned of.
    """
    where = Path(pattern) / "*" if Path(pattern).is_dir() else Path(pattern)
    paths = sorted(path for path in glob(str(where)) if Path(path).is_file())
    if not paths:
        raise ImproperlyConfigured(
            f"security_cert_store={pattern!r}: no file is there: expected a folder of "
            "certificates, or a glob such as '/etc/certs/*.pem'"
        )
    store: dict[str, Certificate] = {}
    for path in paths:
        found = read_certificate("security_cert_store", path)
        known = store.setdefault(found.id, found)
        if known.key != found.key:
            raise SecurityError(
                f"security_cert_store: {path!r} is a second certificate {found.id!r} with another "
                "key: remove one, or nobody can tell which of them signed"
            )
        if found.ends <= now:
            logger.warning("the certificate in %s has expired; its messages are refused", path)
    return store


def _content(setting: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as away:
        raise ImproperlyConfigured(f"{setting}: {path!r} cannot be read: {away}") from away
