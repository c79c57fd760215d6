"""An app that signs its messages runs its own, puts all others aside, and goes on."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.domain.errors import ImproperlyConfigured, SecurityError
from celeriac.domain.messaging.message import TaskMessage
from celeriac.entrypoints.testing import running_worker
from tests.contracts.keys import identity


def app_of(who, folder, store=None, **more):
    store = store or MemoryStore()
    app = Celeriac(
        "signed",
        broker=MemoryBroker(store),
        backend=MemoryResults(store),
        set_as_current=False,
        task_serializer="auth",
        accept_content=["auth"],
        **more,
    )
    app.task(name="add")(lambda x, y: x + y)
    app.setup_security(
        key=str(who.key), cert=str(who.certificate), store=str(folder / "*.pem"), digest="sha256"
    )
    return app


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def shop(folder):
    return identity(folder, "shop")


def altered(message):
    fields = bytearray(b64decode(message.body))
    fields[-2] ^= 1
    return b64encode(fields)


def unsigned(message):
    return b"[[1, 2], {}, {}]"


@pytest.mark.parametrize("spoil", [altered, unsigned])
def test_a_message_that_is_not_what_was_signed_is_put_aside(shop, folder, spoil):
    app = app_of(shop, folder)
    good = app.sending.message("add", (1, 2), {}, {"task_id": "t"})
    spoilt = TaskMessage(
        "t", "add", spoil(good), good.content_type, queue="celery", routing_key="celery"
    )

    with running_worker(app, pool="threads"):
        app.broker.publish([spoilt], deadline=5)
        refused = app.AsyncResult("t").get(timeout=20, propagate=False)

        assert type(refused) is SecurityError
        ((reason, detail),) = [(d.reason, d.detail) for d in app.broker.dead("celery", 9)]
        assert reason == "not-trusted"
        assert "altered" in detail or "not a signed message" in detail
        assert app.tasks["add"].delay(1, 2).get(timeout=20) == 3
    app.close()


def test_a_message_of_a_stranger_is_put_aside_and_named(shop, folder, tmp_path):
    store = MemoryStore()
    app = app_of(shop, folder, store)
    stranger = app_of(identity(tmp_path, "stranger", number=2), tmp_path, store)

    with running_worker(app, pool="threads"):
        result = stranger.tasks["add"].delay(1, 2)

        with pytest.raises(SecurityError, match=r"'NL Shöp stranger 4713'.*security_cert_store"):
            result.get(timeout=20)
        assert [dead.reason for dead in app.broker.dead("celery", 9)] == ["not-trusted"]
        assert app.tasks["add"].delay(1, 2).get(timeout=20) == 3
    app.close()
    stranger.close()


def test_unsigned_content_is_not_accepted_at_all(shop, folder):
    app = app_of(shop, folder)

    with running_worker(app, pool="threads"):
        app.broker.publish(
            [TaskMessage("t", "add", b"[[1, 2], {}, {}]", queue="celery", routing_key="celery")],
            deadline=5,
        )
        app.AsyncResult("t").get(timeout=20, propagate=False)

        assert [dead.reason for dead in app.broker.dead("celery", 9)] == ["not-accepted"]
    app.close()


def test_with_a_certificate_that_has_ended_nothing_is_sent(folder):
    app = app_of(identity(folder, "old", ends=datetime.now(UTC) - timedelta(days=1)), folder)

    with pytest.raises(SecurityError, match="'NL Shöp old 4712' ended on"):
        app.tasks["add"].delay(1, 2)
    app.close()


def test_signing_is_refused_where_unsigned_messages_would_be_read():
    app = Celeriac("open", set_as_current=False, task_serializer="auth")

    with pytest.raises(ImproperlyConfigured, match=r"accept_content=\['json'\].*\['auth'\]"):
        app.setup_security()


def test_keys_that_are_not_named_are_asked_for():
    app = Celeriac("keyless", set_as_current=False, task_serializer="auth", accept_content=["auth"])

    with pytest.raises(ImproperlyConfigured, match=r"security_key, security_certificate, .*store"):
        app.setup_security()
