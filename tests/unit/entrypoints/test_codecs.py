"""Which serializers and compressions settings ask for, and what is said where there are none."""

import subprocess
import sys

import pytest

from celeriac.domain.errors import ContentDisallowed, ImproperlyConfigured
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.settings import Settings
from celeriac.entrypoints.codecs import make_codec, make_result_codec

PICKLED = Payload(b"\x80\x04K\x01.", "application/x-python-serialize", "binary")


@pytest.mark.parametrize("accepted", ["pickle", "application/x-python-serialize"])
def test_content_is_accepted_by_name_or_type(accepted):
    assert make_codec(Settings(accept_content=[accepted])).decode(PICKLED) == 1


@pytest.mark.parametrize("said", [{}, {"accept_content": ["yaml"]}, {"task_serializer": "pickle"}])
def test_what_is_not_named_is_not_read(said):
    with pytest.raises(ContentDisallowed, match="accept_content"):
        make_codec(Settings(**said)).decode(PICKLED)


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ({"accept_content": ["json", "yml"]}, make_codec),
        ({"accept_content": ["text/yml"]}, make_codec),
        ({"accept_content": ["yml"]}, make_result_codec),
        ({"result_accept_content": ["json", "yml"]}, make_result_codec),
    ],
)
def test_an_unknown_name_is_refused_with_those_there_are(said, make):
    (setting,) = said

    with pytest.raises(
        ImproperlyConfigured, match=rf"^{setting} has '.*yml'.*auth, json, msgpack, pickle, yaml$"
    ):
        make(Settings(**said))


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ({"task_compression": "rar"}, make_codec),
        ({"result_compression": "rar"}, make_result_codec),
    ],
)
def test_an_unknown_compression_is_refused_with_those_there_are(said, make):
    with pytest.raises(ImproperlyConfigured, match=r"='rar'.*brotli, bzip, bzip2, gzip, lzma"):
        make(Settings(**said))


def test_results_are_accepted_as_their_own_setting_says_and_as_they_are_written():
    settings = Settings(result_accept_content=["yaml"], result_serializer="pickle")
    codec = make_result_codec(settings)

    assert codec.decode(PICKLED) == 1
    assert codec.decode(Payload(b"- 2", "application/x-yaml")) == [2]
    with pytest.raises(ContentDisallowed):
        codec.decode(Payload(b"3"))


def test_results_are_accepted_as_messages_are_where_nothing_else_is_said():
    codec = make_result_codec(Settings(accept_content=["json", "msgpack"]))

    assert codec.decode(Payload(b"\x03", "application/x-msgpack", "binary")) == 3


def test_text_in_another_encoding_is_read_as_what_it_is():
    codec = make_codec(Settings())

    assert codec.decode(Payload('"é"'.encode("latin-1"), content_encoding="ISO-8859-1")) == "é"
    assert codec.decode(Payload('"é"'.encode(), content_encoding="binary")) == "é"


MISSING = """
import sys
sys.modules[{library!r}] = None
from celeriac.domain.errors import MissingExtra
from celeriac.domain.settings import Settings
from celeriac.entrypoints.codecs import make_codec
try:
    make_codec(Settings(**{said!r}))
except MissingExtra as missing:
    print(missing)
"""


@pytest.mark.parametrize(
    ("library", "said", "extra"),
    [
        ("yaml", {"accept_content": ["json", "yaml"]}, "yaml"),
        ("msgpack", {"accept_content": ["application/x-msgpack"]}, "msgpack"),
        ("cryptography.x509", {"accept_content": ["auth"]}, "auth"),
        ("backports", {"task_compression": "zstd"}, "zstd"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(library, said, extra):
    if library == "cryptography.x509":
        said = {**said, "security_key": "k", "security_certificate": "c"}
        said["security_cert_store"] = "s"
    program = MISSING.format(library=library, said=said)

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert f"pip install 'celeriac[{extra}]'" in done.stdout


def test_a_message_compressed_by_what_is_missing_is_not_accepted():
    program = """
import sys
sys.modules["brotli"] = sys.modules["brotlicffi"] = None
from celeriac.domain.errors import ContentDisallowed
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.settings import Settings
from celeriac.entrypoints.codecs import make_codec
try:
    make_codec(Settings()).decode(Payload(b"x", compression="application/x-brotli"))
except ContentDisallowed as refused:
    print(refused)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert "pip install 'celeriac[brotli]'" in done.stdout
