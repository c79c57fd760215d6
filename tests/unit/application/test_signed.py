"""Values that are vouched for: verified first, decoded then."""

import pytest
from celery.security.certificate import Certificate, FSCertStore
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer

from celeriac.application.encoding import SerializerCodec
from celeriac.domain.errors import ContentDisallowed, DecodeError, EncodeError, SecurityError
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.settings import Settings
from celeriac.entrypoints.codecs import SerializersOf, make_codec
from tests.contracts.keys import identity

FORMATS = ("json", "yaml", "msgpack", "pickle")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def shop(folder):
    return identity(folder, "shop")


@pytest.fixture
def told(shop, folder):
    return shop.settings(folder)


def celerys(shop, folder, serializer):
    return SecureSerializer(
        PrivateKey(shop.key.read_text()),
        Certificate(shop.certificate.read_text()),
        FSCertStore(str(folder / "*.pem")),
        serializer=serializer,
    )


@pytest.mark.parametrize("inside", FORMATS)
def test_celery_reads_what_is_written_here_and_the_other_way_round(shop, folder, told, inside):
    codec = make_codec(Settings(**told, security_serializer=inside))
    theirs = celerys(shop, folder, inside)

    ours = codec.encode([["ü", 2.5], {}, None])

    assert (ours.content_type, ours.content_encoding) == ("application/data", "utf-8")
    assert theirs.deserialize(ours.data) == codec.decode(ours) == [["ü", 2.5], {}, None]
    sent = Payload(theirs.serialize(["ü"]).encode(), "application/data", "utf-8")
    assert codec.decode(sent) == ["ü"]


def test_what_is_signed_may_be_compressed(told):
    codec = make_codec(Settings(**told))

    payload = codec.encode(["a" * 5000], compression="zlib")

    assert len(payload.data) < 2000
    assert codec.decode(payload) == ["a" * 5000]


def test_what_nobody_signed_is_not_accepted(told):
    codec = make_codec(Settings(**told))

    with pytest.raises(ContentDisallowed, match="application/json"):
        codec.decode(Payload(b"[]"))
    with pytest.raises(SecurityError, match="not a signed message"):
        codec.decode(Payload(b"[]", "application/data"))


def test_a_signed_pickle_is_read_only_where_the_settings_allow_for_it(shop, folder, told):
    sent = Payload(celerys(shop, folder, "pickle").serialize([1]).encode(), "application/data")
    allowing = Settings(**told, security_allowed_serializers=["pickle"])

    with pytest.raises(SecurityError, match="security_allowed_serializers"):
        make_codec(Settings(**told)).decode(sent)
    assert make_codec(allowing).decode(sent) == [1]


def test_what_cannot_be_written_or_read_inside_is_said_as_it_is_outside(told):
    codec = make_codec(Settings(**told))
    signer = SerializersOf(Settings(**told))("auth")._signer
    broken = signer.sign(Payload(b"no json"))

    with pytest.raises(EncodeError, match="set"):
        codec.encode({1})
    with pytest.raises(DecodeError, match="not JSON"):
        codec.decode(broken)


def test_the_signed_serializer_is_made_once_for_all_its_names(told):
    find = SerializersOf(Settings(**told))

    assert find("auth") is find("application/data")
    assert isinstance(SerializerCodec(find, "auth", ["auth"]), SerializerCodec)
