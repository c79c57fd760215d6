"""Which serializer writes, and which content is read."""

import pytest

from celeriac.application.encoding import SerializerCodec
from celeriac.domain.errors import ContentDisallowed, SerializerNotInstalled
from celeriac.domain.messaging.payload import Payload
from celeriac.entrypoints.codecs import find_serializer

PICKLE = "application/x-python-serialize"


def test_a_value_is_written_by_the_default_and_read_back(codec):
    payload = codec.encode([1, "two"])

    assert payload == Payload(b'[1, "two"]', "application/json", "utf-8")
    assert codec.decode(payload) == [1, "two"]


def test_a_serializer_may_be_named_for_one_value(codec):
    assert codec.encode({1}, "pickle").content_type == PICKLE


def test_content_that_is_not_accepted_is_refused_before_it_is_read(codec):
    payload = codec.encode([1], "pickle")

    with pytest.raises(ContentDisallowed, match=r"x-python-serialize.*accept_content.*\['json'\]"):
        codec.decode(payload)


@pytest.mark.parametrize("accepted", ["pickle", PICKLE])
def test_content_is_accepted_by_name_or_by_type(accepted):
    codec = SerializerCodec(find_serializer, "json", [accepted])

    assert codec.decode(codec.encode({1, 2}, "pickle")) == {1, 2}
    with pytest.raises(ContentDisallowed):
        codec.decode(codec.encode([1], "json"))


def test_an_unknown_serializer_is_named_with_the_settings_that_may_ask_for_it(codec):
    with pytest.raises(SerializerNotInstalled, match=r"'yuml'.*task_serializer"):
        codec.encode(1, "yuml")


def test_an_unknown_content_type_is_not_accepted(codec):
    with pytest.raises(ContentDisallowed, match="text/nonsense"):
        codec.decode(Payload(b"x", "text/nonsense"))
