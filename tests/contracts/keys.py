"""Keys and certificates made for a test, as PEM files in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FOR_EVER = datetime(2126, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Identity:
    """Where somebody's key and certificate are."""

    key: Path
    certificate: Path

    def settings(self, store: Path, **more: object) -> dict[str, object]:
        """Return what an app of theirs is told, which trusts those in a folder."""
        return {
            "task_serializer": "auth",
            "accept_content": ["auth"],
            "result_serializer": "json",
            "security_key": str(self.key),
            "security_certificate": str(self.certificate),
            "security_cert_store": str(store / "*.pem"),
            **more,
        }


@cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    """Return one of a few keys: making one takes a while."""
    return rsa.generate_private_key(65537, 2048)


def identity(
    folder: Path,
    name: str,
    number: int = 1,
    ends: datetime = FOR_EVER,
    password: bytes | None = None,
) -> Identity:
    """Write a key beside the folder's certificates, and its certificate among them."""
    key = private_key(number)
    named = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Shöp"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(4711 + number)
        .not_valid_before(min(ends, NOON) - timedelta(days=400))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    hidden = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    made = Identity(folder / f"{name}.key", folder / f"{name}.pem")
    made.key.write_bytes(pem)
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return made
