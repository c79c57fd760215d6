"""Which adapters are chosen for kombu's transports, and for results that travel back."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured, NotSupported
from celeriac.entrypoints.adapter_table import BROKERS, VIRTUAL, load, technology


def app_of(**settings):
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(settings)
    return app


@pytest.mark.parametrize(
    "scheme",
    ["filesystem", "kombu+memory", "sqs", "mongodb+srv", "kafka", "sqla+postgresql", "pgmq"],
)
def test_a_transport_of_kombu_is_reached_by_one_broker(scheme):
    assert technology(scheme, BROKERS, "none") is VIRTUAL


def test_what_the_table_names_is_there():
    for path in (VIRTUAL.store, VIRTUAL.broker, VIRTUAL.bus, VIRTUAL.replies):
        assert callable(load(path))


def test_our_own_memory_and_postgresql_keep_their_names():
    for scheme in ("memory", "postgresql", "postgresql+psycopg"):
        assert technology(scheme, BROKERS, "none") is not VIRTUAL


def test_claims_are_under_leases_where_results_are_in_a_store_that_keeps_a_ledger(tmp_path):
    kept = app_of(broker_url="kombu+memory://", result_backend=f"sqlite:///{tmp_path}/r.db")
    alone = app_of(broker_url="kombu+memory://")

    assert kept.container.broker().capabilities.leases is True
    assert alone.container.broker().capabilities.leases is False


def test_a_bus_that_nobody_hears_is_no_error():
    bus = app_of(broker_url="kombu+memory://").container.bus()
    ear = bus.subscribe([])

    bus.broadcast([])

    assert ear.receive(0) == ()
    assert bus.open_mailbox("reply.celery.pidbox").receive(0) == ()
    bus.close()


def test_results_travel_back_over_the_broker():
    app = app_of(broker_url="redis://localhost:1/0", result_backend="rpc://")

    assert app.container.results().url == "rpc://"


@pytest.mark.parametrize("broker", ["memory://", "sqlite:///:memory:"])
def test_a_broker_that_carries_no_replies_says_so(broker):
    app = app_of(broker_url=broker, result_backend="rpc://")

    with pytest.raises(ImproperlyConfigured, match="carries none"):
        app.container.results()


def test_results_do_not_travel_back_over_sqs():
    app = app_of(broker_url="sqs://", result_backend="rpc://")

    with pytest.raises(NotSupported, match="SQS"):
        app.container.results()


def test_what_needs_a_store_says_that_rpc_is_none():
    app = app_of(broker_url="kombu+memory://", result_backend="rpc://")

    with pytest.raises(NotSupported, match="schedule store"):
        app.container.schedule_store()
