"""What a URL of DynamoDB says."""

import pytest

from celeriac.adapters.aws.connecting import Access
from celeriac.adapters.aws.dynamodb.address import Address, parse
from celeriac.domain.errors import ImproperlyConfigured


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("dynamodb", Address(Access())),
        ("dynamodb://", Address(Access())),
        ("dynamodb://@eu-central-1", Address(Access("eu-central-1"))),
        ("dynamodb://eu-central-1/shop", Address(Access("eu-central-1"), "shop")),
        (
            "dynamodb://key:se%2Fcret@eu-central-1/shop?read=5&write=7&ttl_seconds=60",
            Address(Access("eu-central-1", None, "key", "se/cret"), "shop", (5, 7), 60),
        ),
        ("dynamodb://eu-central-1/shop?write=7", Address(Access("eu-central-1"), "shop", (1, 7))),
        (
            "dynamodb://eu-central-1/?ttl_seconds=-1",
            Address(Access("eu-central-1"), "celery", None, -1),
        ),
        (
            "dynamodb://localhost:8000",
            Address(Access("us-east-1", "http://localhost:8000")),
        ),
        ("dynamodb://[::1]:8000/t", Address(Access("us-east-1", "http://[::1]:8000"), "t")),
    ],
)
def test_a_url_says_where_the_table_is_and_how_it_is_made(url, address):
    assert parse(url, {}) == address


def test_an_endpoint_of_the_settings_wins():
    address = parse("dynamodb://eu-west-1/t", {"dynamodb_endpoint_url": "http://box:1"})

    assert address.access == Access("eu-west-1", "http://box:1")


def test_what_is_shown_has_no_credentials():
    address = parse("dynamodb://key:secret@eu-west-1/t", {})

    assert address.shown == "dynamodb://**:**@eu-west-1/t"
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("dynamodb://key@eu-west-1/t", "lack the secret"),
        ("dynamodb://eu-west-1/t?wirte=3", "'wirte'; known are read, write, ttl_seconds"),
        ("dynamodb://eu-west-1/t?write=0", "write='0' in the URL of DynamoDB: expected a whole"),
        ("dynamodb://eu-west-1/t?ttl_seconds=1d", "ttl_seconds='1d'"),
        ("dynamodb://localhost:http/t", "the URL of DynamoDB"),
    ],
)
def test_a_url_that_cannot_be_is_refused_in_words(url, said):
    with pytest.raises(ImproperlyConfigured, match=said.replace("?", r"\?")):
        parse(url, {})
