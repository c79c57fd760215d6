"""What a signer promises, and that its format is that of Celery's `auth`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta

import pytest
from celery.exceptions import SecurityError as CelerysRefusal
from celery.security.certificate import Certificate, FSCertStore
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.signing.signer import open_signer
from celeriac.domain.errors import ImproperlyConfigured, SecurityError
from celeriac.domain.messaging.payload import Payload
from tests.contracts.keys import NOON, identity

INSIDE = Payload(b'[[1], {}, {"\x00\x01": null}]')


def signer(who, store, clock=None, **more):
    told = {"security_digest": "sha256", **who.settings(store), **more}
    return open_signer(told, clock=clock or VirtualClock(NOON))


def celerys(who, store, serializer="json", digest="sha256"):
    """Celery's own, with the same files."""
    return SecureSerializer(
        PrivateKey(who.key.read_text()),
        Certificate(who.certificate.read_text()),
        FSCertStore(str(store / "*.pem")),
        digest,
        serializer,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def shop(folder):
    return identity(folder, "shop")


def test_what_was_signed_comes_back(shop, folder):
    one = signer(shop, folder)

    assert one.verify(one.sign(INSIDE)) == INSIDE


def test_an_encrypted_key_is_opened_with_its_password(tmp_path):
    who = identity(tmp_path, "hidden", password=b"open sesame")

    one = signer(who, tmp_path, security_key_password=b"open sesame")

    assert one.verify(one.sign(INSIDE)) == INSIDE


@pytest.mark.parametrize("digest", ["sha256", "sha512", "SHA3_256"])
def test_celery_reads_what_is_signed_here_and_the_other_way_round(shop, folder, digest):
    ours, theirs = (
        signer(shop, folder, security_digest=digest),
        celerys(shop, folder, "json", digest),
    )

    signed = ours.sign(Payload(b'[[1, "\xc3\xbc"], {}]'))
    inside = ours.verify(Payload(theirs.serialize([[2], {}]).encode()))

    assert (signed.content_type, signed.content_encoding) == ("application/data", "utf-8")
    assert theirs.deserialize(signed.data) == [[1, "ü"], {}]
    assert inside == Payload(b"[[2], {}]", "application/json", "utf-8")


def test_all_but_the_signature_is_byte_for_byte_as_celery_writes_it(shop, folder):
    ours = b64decode(signer(shop, folder).sign(Payload(b"[1]")).data).split(b"\x00\x01")
    theirs = b64decode(celerys(shop, folder).serialize([1])).split(b"\x00\x01")

    del ours[1], theirs[1]  # which has salt

    assert ours == theirs


def test_any_altered_byte_of_the_body_is_noticed(shop, folder):
    one = signer(shop, folder)
    fields = b64decode(one.sign(Payload(b"[1, 2, 3]")).data)

    for position in range(len(fields) - 9, len(fields)):
        altered = bytearray(fields)
        altered[position] ^= 1
        with pytest.raises(SecurityError, match="altered"):
            one.verify(Payload(b64encode(altered)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.binary(max_size=100).map(b64encode))
@example(data=b64encode(b"\x00\x01".join([b"", b"", b"", b"", b"[]"])))
@example(data=b64encode(b"\x00\x01".join([b"/w==", b"", b"\xff", b"", b"[]"])))
def test_bytes_that_nobody_signed_are_refused(shop, folder, data):
    with pytest.raises(SecurityError):
        signer(shop, folder).verify(Payload(data))


def test_a_signer_whose_certificate_is_not_in_the_store_is_refused_by_name(shop, tmp_path):
    stranger = identity(tmp_path, "stranger", number=2)
    trusting = signer(shop, shop.certificate.parent)

    with pytest.raises(SecurityError, match=r"'NL Shöp stranger 4713'.*security_cert_store"):
        trusting.verify(signer(stranger, tmp_path).sign(INSIDE))


def test_a_signature_of_another_key_under_a_known_name_is_refused(shop, folder, tmp_path):
    honest = signer(shop, folder).sign(INSIDE)
    fields = b64decode(honest.data).split(b"\x00\x01", 4)
    other = b64decode(signer(identity(tmp_path, "other", number=3), tmp_path).sign(INSIDE).data)
    fields[1] = other.split(b"\x00\x01", 4)[1]
    forged = Payload(b64encode(b"\x00\x01".join(fields)))

    with pytest.raises(SecurityError, match="signed with another key"):
        signer(shop, folder).verify(forged)
    with pytest.raises(CelerysRefusal):
        celerys(shop, folder).deserialize(forged.data)


def test_an_expired_certificate_neither_signs_nor_vouches(tmp_path):
    clock = VirtualClock(NOON)
    one = signer(identity(tmp_path, "old", ends=NOON + timedelta(days=1)), tmp_path, clock)
    signed = one.sign(INSIDE)
    assert one.verify(signed) == INSIDE

    clock.advance(86400)

    for act in (lambda: one.verify(signed), lambda: one.sign(INSIDE)):
        with pytest.raises(SecurityError, match="ended on 2026-01-02"):
            act()


def test_the_store_may_be_a_folder_and_hold_an_expired_one_that_is_warned_of(tmp_path, caplog):
    store = tmp_path / "store"
    store.mkdir()
    old = identity(tmp_path, "old", number=2, ends=NOON - timedelta(days=1))
    who = identity(tmp_path, "shop")
    for each in (old, who):
        (store / each.certificate.name).write_bytes(each.certificate.read_bytes())

    one = signer(who, tmp_path, security_cert_store=str(store))

    assert one.verify(one.sign(INSIDE)) == INSIDE
    assert "old.pem has expired" in caplog.text


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"security_key": None}, ImproperlyConfigured, "needs security_key"),
        ({"security_key": "/nowhere.key"}, ImproperlyConfigured, "cannot be read"),
        ({"security_digest": "sha3000"}, ImproperlyConfigured, "security_digest='sha3000'"),
        ({"security_digest": "blake2b"}, ImproperlyConfigured, "security_digest='blake2b'"),
        ({"security_cert_store": "/nowhere/*.pem"}, ImproperlyConfigured, "no file is there"),
    ],
)
def test_settings_that_do_not_suffice_are_named(shop, folder, change, error, says):
    with pytest.raises(error, match=says):
        signer(shop, folder, **change)


def test_files_that_are_not_what_they_should_be_are_named(shop, folder, tmp_path):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    other = identity(tmp_path, "other", number=2)

    with pytest.raises(SecurityError, match=r"garbage\.pem' is not a certificate"):
        signer(shop, folder, security_certificate=str(garbage))
    with pytest.raises(SecurityError, match="not a private key"):
        signer(shop, folder, security_key=str(garbage))
    with pytest.raises(SecurityError, match=r"security_cert_store: .*garbage"):
        signer(shop, tmp_path)
    with pytest.raises(ImproperlyConfigured, match="is not the key of"):
        signer(shop, folder, security_key=str(other.key))
