"""Signed payloads as Celery writes them.

Five fields joined by the bytes `00 01` and then in base64: who signed and the signature (each in
base64 of its own), content type, content encoding, body. The signature is RSA-PSS with the longest
salt, and is over the body alone: what the other fields say is not vouched for.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured, MissingExtra, SecurityError
from ...domain.messaging.payload import Payload
from ...ports.clock import Clock
from ...ports.codec import Signer
from .certificates import Certificate, read_certificate, read_key, read_store

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
except ImportError as missing:
    raise MissingExtra("serializer 'auth'", "auth", "cryptography") from missing

_BETWEEN: Final = b"\x00\x01"
_FIELDS: Final = 5


def open_signer(settings: Mapping[str, Any], *, clock: Clock) -> RsaSigner:
    """Return the signer that the settings `security_…` describe.

    Raises ImproperlyConfigured where they do not suffice, SecurityError for files that are not
    what they should be.
    """
    names = ("security_key", "security_certificate", "security_cert_store")
    absent = [name for name in names if not settings.get(name)]
    if absent:
        raise ImproperlyConfigured(
            f"the auth serializer needs {', '.join(absent)}: set them to the paths of PEM files, "
            "or call app.setup_security(key=…, cert=…, store=…)"
        )
    certificate = read_certificate("security_certificate", settings["security_certificate"])
    key = read_key(settings["security_key"], settings.get("security_key_password"))
    if key.public_key() != certificate.key:
        raise ImproperlyConfigured(
            f"security_key={settings['security_key']!r} is not the key of "
            f"security_certificate={settings['security_certificate']!r}: nobody could verify what "
            "is signed with it"
        )
    store = read_store(settings["security_cert_store"], clock.now())
    return RsaSigner(key, certificate, store, settings["security_digest"], clock)


class RsaSigner(Signer):
    """Signs with one key; verifies by the certificates of a store."""

    def __init__(
        self,
        key: rsa.RSAPrivateKey | None,
        certificate: Certificate | None,
        store: Mapping[str, Certificate],
        digest: str,
        clock: Clock,
    ) -> None:
        """Sign as the certificate's owner; without key or certificate it only verifies.

        `digest` is a hash's name, such as `sha256`.
        """
        self._key, self._certificate, self._store = key, certificate, store
        self._hash, self._clock = hash_of(digest), clock
        self._padding = pss(self._hash)

    def sign(self, payload: Payload) -> Payload:
        """Wrap a payload. Raises SecurityError where the own certificate has expired."""
        if self._key is None or self._certificate is None:
            raise SecurityError("nothing can be signed without a private key and its certificate")
        self._check_term(self._certificate)
        try:
            signature = self._key.sign(payload.data, self._padding, self._hash)
        except ValueError as broken:
            raise SecurityError(f"security_key cannot sign with this digest: {broken}") from broken
        fields = (
            b64encode(self._certificate.id.encode()),
            b64encode(signature),
            payload.content_type.encode(),
            payload.content_encoding.encode(),
            payload.data,
        )
        return Payload(b64encode(_BETWEEN.join(fields)), "application/data", "utf-8")

    def verify(self, payload: Payload) -> Payload:
        """Return what is inside. Raises SecurityError: nothing of it may be decoded then."""
        signer, signature, inside = _unpacked(payload.data)
        certificate = self._store.get(signer)
        if certificate is None:
            raise SecurityError(
                f"it is signed by {signer!r}, whose certificate is not in security_cert_store"
            )
        self._check_term(certificate)
        try:
            certificate.key.verify(signature, inside.data, self._padding, self._hash)
        except (InvalidSignature, ValueError) as broken:
            raise SecurityError(
                f"its signature is not that of {signer!r}: it was altered, signed with another "
                "key, or with another security_digest"
            ) from broken
        return inside

    def _check_term(self, certificate: Certificate) -> None:
        if self._clock.now() >= certificate.ends:
            raise SecurityError(f"the certificate {certificate.id!r} ended on {certificate.ends}")


def _unpacked(data: bytes) -> tuple[str, bytes, Payload]:
    """Return signer, signature and payload. Raises SecurityError."""
    try:
        # The body may hold the bytes that stand between the fields.
        fields = b64decode(data, validate=True).split(_BETWEEN, _FIELDS - 1)
        signer, signature, content_type, encoding, body = fields
        inside = Payload(body, content_type.decode("ascii"), encoding.decode("ascii"))
        return (
            b64decode(signer, validate=True).decode(),
            b64decode(signature, validate=True),
            inside,
        )
    except ValueError as broken:
        raise SecurityError(f"it is not a signed message: {broken}") from broken


def pss(digest: hashes.HashAlgorithm) -> padding.PSS:
    """Return the padding of signatures: PSS with the longest salt."""
    return padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH)


def hash_of(name: str) -> hashes.HashAlgorithm:
    """Return the hash of a name, such as `sha256`. Raises ImproperlyConfigured."""
    kind = getattr(hashes, name.upper().replace("-", "_"), None)
    try:
        found = kind() if callable(kind) else None
    except TypeError:  # a hash that wants a length of its own
        found = None
    if not isinstance(found, hashes.HashAlgorithm):
        raise ImproperlyConfigured(
            f"security_digest={name!r}: expected the name of a hash, such as 'sha256' or 'sha512'"
        )
    return found
