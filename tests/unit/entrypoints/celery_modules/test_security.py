"""`celery.security` and what is below it: keys, certificates, values signed by hand."""

import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import celery.security.certificate as celerys_certificates
import celery.security.key as celerys_keys
import celery.security.serialization as celerys
import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, enable_insecure_serializers, loads, registry

from celeriac.domain.errors import ImproperlyConfigured, MissingExtra, SecurityError
from celeriac.entrypoints.celery_modules import security
from celeriac.entrypoints.celery_modules.security_certificate import (
    Certificate,
    CertStore,
    FSCertStore,
)
from celeriac.entrypoints.celery_modules.security_key import PrivateKey
from celeriac.entrypoints.celery_modules.security_serialization import (
    SecureSerializer,
    register_auth,
)
from celeriac.entrypoints.celery_modules.security_utils import get_digest_algorithm, reraise_errors
from tests.contracts.keys import FOR_EVER, identity

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
VALUE = {"item": 5, "notes": ["\x00\x01", "ü"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def shop(folder):
    return identity(folder, "shop", ends=FOR_EVER)


def signing(who, store):
    return SecureSerializer(
        PrivateKey(who.key.read_text()),
        Certificate(who.certificate.read_text()),
        FSCertStore(str(store / "*.pem")),
    )


def test_a_certificate_says_whose_it_is_as_celerys_does(shop):
    ours = Certificate(shop.certificate.read_text())
    theirs = celerys_certificates.Certificate(shop.certificate.read_text())

    for ask in ("get_id", "get_issuer", "get_serial_number", "has_expired", "get_pubkey"):
        assert getattr(ours, ask)() == getattr(theirs, ask)()


def test_a_signature_holds_for_what_was_signed_only(shop):
    digest = get_digest_algorithm("sha512")
    signature = PrivateKey(shop.key.read_text()).sign("five apples", digest)
    certificate = Certificate(shop.certificate.read_bytes())

    certificate.verify(b"five apples", signature, digest)
    with pytest.raises(SecurityError, match="the signature is not that of 'NL Shöp shop"):
        certificate.verify("six apples", signature, digest)


def test_an_encrypted_key_needs_its_password(tmp_path):
    who = identity(tmp_path, "hidden", password=b"open sesame")

    assert PrivateKey(who.key.read_text(), "open sesame").sign("", get_digest_algorithm())
    with pytest.raises(SecurityError, match="the private key: "):
        PrivateKey(who.key.read_text(), "open barley")


@pytest.mark.parametrize("make", [PrivateKey, Certificate])
def test_what_is_no_pem_text_is_refused(make):
    with pytest.raises(SecurityError):
        make("apples")


def test_an_expired_certificate_is_neither_stored_nor_verifies(tmp_path):
    who = identity(tmp_path, "late", ends=LONG_AGO)
    certificate = Certificate(who.certificate.read_text())

    assert certificate.has_expired()
    with pytest.raises(SecurityError, match="has expired"):
        FSCertStore(str(tmp_path / "*.pem"))
    with pytest.raises(SecurityError, match="ended on 2020"):
        certificate.verify(b"", b"", get_digest_algorithm())


def test_a_store_gives_those_it_was_given_once_each(shop):
    store, certificate = CertStore(), Certificate(shop.certificate.read_text())
    store.add_cert(certificate)

    assert store[certificate.get_id()] is store[certificate.get_id().encode()] is certificate
    assert list(store.itercerts()) == [certificate]
    with pytest.raises(SecurityError, match="already"):
        store.add_cert(certificate)
    with pytest.raises(SecurityError, match="no certificate 'NL nobody 1'"):
        store["NL nobody 1"]


def test_what_we_sign_celery_reads_and_the_other_way_round(shop, folder):
    ours = signing(shop, folder)
    theirs = celerys.SecureSerializer(
        celerys_keys.PrivateKey(shop.key.read_text()),
        celerys_certificates.Certificate(shop.certificate.read_text()),
        celerys_certificates.FSCertStore(str(folder / "*.pem")),
    )

    assert theirs.deserialize(ours.serialize(VALUE)) == VALUE
    assert ours.deserialize(theirs.serialize(VALUE)) == VALUE


def test_what_was_altered_or_is_of_a_stranger_is_not_read(shop, folder, tmp_path):
    ours = signing(shop, folder)
    signed = ours.serialize(VALUE)
    altered = b64encode(b64decode(signed).replace(b'"item": 5', b'"item": 6')).decode()
    stranger = SecureSerializer(cert_store=FSCertStore(str(tmp_path / "*.pem")))

    with pytest.raises(SecurityError, match="altered"):
        ours.deserialize(altered)
    with pytest.raises(SecurityError, match="not in security_cert_store"):
        stranger.deserialize(signed)


def test_nothing_is_signed_without_a_key():
    with pytest.raises(SecurityError, match="without a private key"):
        SecureSerializer().serialize(VALUE)


def test_unknown_names_are_refused():
    with pytest.raises(ImproperlyConfigured, match="sha0"):
        get_digest_algorithm("sha0")
    with pytest.raises(ImproperlyConfigured, match="'abacus'"):
        SecureSerializer(serializer="abacus")


def test_errors_become_refusals_with_words_of_ones_own():
    with (
        pytest.raises(SecurityError, match=r"no apple: KeyError\('apple'\)"),
        reraise_errors("no apple: {0!r}", (KeyError,)),
    ):
        raise KeyError("apple")
    with pytest.raises(OSError, match="another"), reraise_errors():
        raise OSError("another")


def test_kombus_own_producers_and_consumers_may_sign(shop, folder):
    register_auth(shop.key.read_text(), None, shop.certificate.read_text(), str(folder / "*.pem"))
    try:
        content_type, encoding, data = dumps(VALUE, serializer="auth")
        read = loads(data, content_type, encoding, accept=["auth"])
    finally:
        registry.unregister("auth")

    assert (content_type, encoding, read) == ("application/data", "utf-8", VALUE)


def test_without_kombu_nothing_is_registered_and_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "kombu.serialization", None)

    security.disable_untrusted_serializers()
    with pytest.raises(MissingExtra, match=r"celeriac\[amqp\]"):
        register_auth()


def test_kombus_own_consumers_read_only_what_is_allowed():
    disabled = set(registry._disabled_content_types)
    security.disable_untrusted_serializers(["json"])
    try:
        assert loads("5", "application/json", "utf-8") == 5
        with pytest.raises(ContentDisallowed):
            loads(b"5", "application/x-yaml", "utf-8")
    finally:
        enable_insecure_serializers(list(registry._decoders))
        registry._disabled_content_types.clear()
        registry._disabled_content_types.update(disabled)
