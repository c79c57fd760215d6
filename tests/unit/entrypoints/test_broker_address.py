"""Where the broker is, by all of Celery's settings that say something of it."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.settings import Settings
from celeriac.entrypoints.broker_address import broker_address

OLDER = {
    "broker_host": "hh",
    "broker_user": "u",
    "broker_password": "p/w",
    "broker_vhost": "v",
    "broker_port": 99,
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"broker_url": "redis://h"}, "redis://h"),
        ({"broker_url": ["redis://a", "redis://b"]}, "redis://a;redis://b"),
        ({"broker_read_url": "redis://r"}, "redis://r"),
        ({"broker_write_url": "redis://w"}, "redis://w"),
        ({"broker_read_url": "redis://r", "broker_write_url": "redis://r"}, "redis://r"),
        # As celery.Celery(...).connection().as_uri(include_password=True) has it.
        (OLDER, "amqp://u:p%2Fw@hh:99/v"),
        ({"broker_transport": "redis", "broker_host": "hh"}, "redis://hh"),
        ({"broker_transport": "redis", "broker_url": "h2"}, "redis://h2"),
        ({**OLDER, "broker_url": "redis://a:b@h:1/2"}, "redis://a:b@h:1/2"),
        ({**OLDER, "broker_url": "redis://"}, "redis://u:p%2Fw@hh:99/v"),
        ({**OLDER, "broker_url": "amqp://[::1];amqp://x:5//"}, "amqp://u:p%2Fw@[::1]:99/v;amqp://u:p%2Fw@x:5/v"),
        ({**OLDER, "broker_url": "sqlite:///a.db"}, "sqlite:///a.db"),
    ],
)  # fmt: skip
def test_the_address_is_what_all_settings_come_to(said, expected):
    assert broker_address(Settings(said)) == expected


def test_reading_and_writing_elsewhere_is_refused_without_showing_a_password():
    settings = Settings({"broker_url": "redis://:secret@b", "broker_write_url": "redis://:top@w"})

    with pytest.raises(ImproperlyConfigured, match="expected one address") as refused:
        broker_address(settings)

    assert "secret" not in str(refused.value)
    assert "'w'" in str(refused.value)


def test_messages_of_protocol_1_are_not_promised():
    with Celeriac("a", broker="memory://", task_protocol=1, set_as_current=False) as app:
        with pytest.raises(ImproperlyConfigured, match="task_protocol=1: expected 2"):
            app.send_task("add")
        assert app.broker.depth(["celery"]) == {"celery": 0}


def test_an_app_of_older_settings_does_not_fall_back_to_the_embedded_default():
    with Celeriac("a", set_as_current=False) as app:
        app.conf.update(broker_transport="memory")
        assert app.broker.url.startswith("memory://")
        assert app.conf.result_backend is None
        assert not app.results.capabilities.persistent
