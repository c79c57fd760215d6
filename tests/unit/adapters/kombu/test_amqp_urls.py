"""AMQP URLs and settings, and the ladder's routing keys."""

import pytest

from celeriac.adapters.kombu import delays
from celeriac.adapters.kombu.settings import Ladder, read
from celeriac.adapters.kombu.urls import for_kombu, shown, split
from celeriac.domain.errors import ImproperlyConfigured


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("amqp://guest:secret@host:5672//", "amqp://guest:********@host:5672//"),
        ("amqp://guest@host/vhost", "amqp://guest@host/vhost"),
        ("amqps://host/vhost?ssl_ca_certs=/x", "amqps://host/vhost"),
    ],
)
def test_passwords_are_masked(url, seen):
    assert shown(url) == seen


def test_a_list_of_servers_is_taken_apart():
    expected = ["amqp://a//", "amqps://b//"]

    assert split("amqp://a//; amqps://b//") == expected
    assert split(expected) == expected
    assert split("amqp://") == ["amqp://localhost"]


@pytest.mark.parametrize("url", ["", "redis://host", "amqp://host:port//", "amqp://a;http://b"])
def test_what_is_no_amqp_url_is_refused(url):
    with pytest.raises(ImproperlyConfigured):
        split(url)


def test_kombu_is_told_to_use_py_amqp():
    assert for_kombu("amqp://a//") == "pyamqp://a//"
    assert for_kombu("amqps://a//") == "amqps://a//"


def test_settings_are_read_in_celerys_words():
    said = read(
        "amqp://a//",
        {
            "broker_connection_timeout": 7,
            "broker_heartbeat": None,
            "broker_login_method": "PLAIN",
            "broker_use_ssl": {"ca_certs": "/x"},
            "broker_transport_options": {
                "queue_name_prefix": "p.",
                "confirm_publish": False,
                "read_timeout": 5,
                "max_retries": 3,
            },
            "task_queue_max_priority": 10,
            "task_default_queue_type": "quorum",
            "broker_native_delayed_delivery_queue_type": "classic",
        },
    )

    assert (said.timeout, said.heartbeat, said.login_method) == (7.0, 0.0, "PLAIN")
    assert (said.ssl, said.driver_options) == ({"ca_certs": "/x"}, {"read_timeout": 5})
    assert (said.prefix, said.confirm, said.max_priority) == ("p.", False, 10)
    assert (said.queue_type, said.ladder.queue_type) == ("quorum", "classic")


def test_a_delay_is_the_first_28_words_of_the_key():
    exchange, key = delays.way_in(Ladder(), 5.9, "shop.key")

    assert exchange == "celery_delayed_27"
    assert key == "0." * 25 + "1.0.1.shop.key"


def test_a_delay_that_was_in_the_key_is_replaced():
    _, once = delays.way_in(Ladder(), 1, "1.0.key")
    _, twice = delays.way_in(Ladder(), 2, once)

    assert once == "0." * 27 + "1.1.0.key"
    assert twice == "0." * 26 + "1.0.1.0.key"
    assert delays.without_bits(Ladder(), twice) == "1.0.key"


def test_the_longest_delay_is_as_long_as_the_ladder():
    _, key = delays.way_in(Ladder(), 1e12, "key")

    assert key == "1." * 28 + "key"
