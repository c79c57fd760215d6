"""`celery.security.certificate`: whom one trusts."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

from ...domain.errors import SecurityError
from ..adapter_table import CERTIFICATE, HOST_CLOCK, SIGNATURE_PADDING, load
from .security_key import in_bytes
from .security_utils import reraise_errors

__all__ = ["CertStore", "Certificate", "FSCertStore"]


class Certificate:
    """An X.509 certificate of an RSA key."""

    def __init__(self, cert: str | bytes) -> None:
        """Take the content of a PEM file. Raises SecurityError, MissingExtra."""
        self._cert = load(CERTIFICATE)(in_bytes(cert), "the text given")

    def has_expired(self) -> bool:
        """Tell whether its time is over."""
        return bool(load(HOST_CLOCK)().now() >= self._cert.ends)

    def get_pubkey(self) -> Any:
        """Return the public key."""
        return self._cert.key

    def get_serial_number(self) -> int:
        """Return its number."""
        return int(self._cert.serial)

    def get_issuer(self) -> str:
        """Return who issued it."""
        return str(self._cert.issuer)

    def get_id(self) -> str:
        """Return what a signed message calls its signer: issuer and number."""
        return str(self._cert.id)

    def verify(self, data: str | bytes, signature: bytes, digest: Any) -> None:
        """Raise SecurityError unless the key's owner signed the data, and is still trusted."""
        if self.has_expired():
            raise SecurityError(f"the certificate {self.get_id()!r} ended on {self._cert.ends}")
        with reraise_errors(f"the signature is not that of {self.get_id()!r}: {{0!r}}"):
            self.get_pubkey().verify(
                signature, in_bytes(data), load(SIGNATURE_PADDING)(digest), digest
            )


class CertStore:
    """Certificates by their ids."""

    def __init__(self) -> None:
        """Begin empty."""
        self._certs: dict[str, Certificate] = {}

    def itercerts(self) -> Iterator[Certificate]:
        """Iterate over them."""
        return iter(list(self._certs.values()))

    def __getitem__(self, id: str | bytes) -> Certificate:  # noqa: A002 - Celery's name
        """Return one. Raises SecurityError if it is not there, since that is not trusted."""
        try:
            return self._certs[in_bytes(id).decode()]
        except KeyError:
            raise SecurityError(f"there is no certificate {id!r} in the store") from None

    def add_cert(self, cert: Certificate) -> None:
        """Trust one more. Raises SecurityError where its id is known."""
        if cert.get_id() in self._certs:
            raise SecurityError(f"there is a certificate {cert.get_id()!r} in the store already")
        self._certs[cert.get_id()] = cert


class FSCertStore(CertStore):
    """The certificates of a folder, or of the files that a glob finds."""

    def __init__(self, path: str) -> None:
        """Read them. Raises SecurityError for what is none, or one that has expired."""
        super().__init__()
        where = Path(path) / "*" if Path(path).is_dir() else Path(path)
        for name in sorted(glob(str(where))):
            cert = Certificate(Path(name).read_bytes())
            if cert.has_expired():
                raise SecurityError(f"{name}: the certificate {cert.get_id()!r} has expired")
            self.add_cert(cert)
