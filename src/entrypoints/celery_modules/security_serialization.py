"""`celery.security.serialization`: values signed by hand, in the format of signed messages."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ...application.signed import SignedSerializer
from ...domain.errors import ImproperlyConfigured, MissingExtra, SecurityError
from ..adapter_table import HOST_CLOCK, RSA_SIGNER, load
from ..codecs import find_serializer
from .app_defaults import DEFAULT_SECURITY_DIGEST
from .security_certificate import Certificate, CertStore, FSCertStore
from .security_key import PrivateKey

__all__ = ["DEFAULT_SECURITY_DIGEST", "SecureSerializer", "register_auth"]


class SecureSerializer:
    """Signs values, and reads what those in a store have signed."""

    def __init__(
        self,
        key: PrivateKey | None = None,
        cert: Certificate | None = None,
        cert_store: CertStore | None = None,
        digest: str = DEFAULT_SECURITY_DIGEST,
        serializer: str = "json",
    ) -> None:
        """Sign with a key, as a certificate's owner; trust the certificates of a store.

        Raises ImproperlyConfigured for names of a hash or a serializer that are none.
        """
        writer = find_serializer(serializer)
        if writer is None:
            raise ImproperlyConfigured(f"serializer={serializer!r}: there is none of this name")
        signer = load(RSA_SIGNER)(
            key and key._key,
            cert and cert._cert,
            _Trusted(cert_store or CertStore()),
            digest,
            load(HOST_CLOCK)(),
        )
        self._signed = SignedSerializer(signer, writer, find_serializer)

    def serialize(self, data: Any) -> str:
        """Return a value, signed. Raises SecurityError, EncodeError."""
        return self._signed.dumps(data).decode("ascii")

    def deserialize(self, data: str | bytes) -> Any:
        """Return what was signed. Raises SecurityError, and nothing of it is decoded then."""
        return self._signed.loads(data.encode() if isinstance(data, str) else data)


class _Trusted(Mapping[str, Any]):
    """A store, as the signer looks into it; what is added later is found too."""

    def __init__(self, store: CertStore) -> None:
        self._store = store

    def __getitem__(self, signer: str) -> Any:
        try:
            return self._store[signer]._cert
        except SecurityError:
            raise KeyError(signer) from None

    def __iter__(self) -> Any:
        return (cert.get_id() for cert in self._store.itercerts())

    def __len__(self) -> int:
        return sum(1 for _ in self._store.itercerts())


def register_auth(
    key: str | bytes | None = None,
    key_password: str | bytes | None = None,
    cert: str | bytes | None = None,
    store: str | None = None,
    digest: str = DEFAULT_SECURITY_DIGEST,
    serializer: str = "json",
) -> None:
    """Let producers and consumers of kombu's that are one's own use the serializer `auth`.

    Keys and certificates are given as the contents of their files. Apps need it not: see
    `app.setup_security`. Raises MissingExtra without kombu.
    """
    try:
        registry = import_module("kombu.serialization")
    except ImportError as missing:
        raise MissingExtra("register_auth", "amqp", "kombu") from missing
    made = SecureSerializer(
        PrivateKey(key, key_password) if key else None,
        Certificate(cert) if cert else None,
        FSCertStore(store) if store else None,
        digest,
        serializer,
    )
    registry.register(
        SignedSerializer.name,
        made.serialize,
        made.deserialize,
        content_type=SignedSerializer.content_type,
        content_encoding=SignedSerializer.content_encoding,
    )
