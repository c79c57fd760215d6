"""What an app on RabbitMQ is made of, without talking to any server."""

import pytest

from celeriac import Celeriac
from celeriac.application.settle import SeparateSettler
from celeriac.domain.errors import NotSupported


def parts_of(**conf):
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(broker_url="amqp://guest:secret@127.0.0.1:1//", **conf)
    return app.container


@pytest.mark.parametrize("scheme", ["amqp", "pyamqp", "amqps"])
def test_amqp_urls_are_served_by_the_amqp_broker(scheme):
    container = parts_of()
    container.settings().broker_url = f"{scheme}://127.0.0.1:1//"

    assert type(container.broker()).__name__ == "AmqpBroker"
    assert type(container.bus()).__name__ == "AmqpBus"
    assert isinstance(container.settler(), SeparateSettler)


def test_what_a_cluster_agrees_on_is_kept_where_the_results_are(tmp_path):
    container = parts_of(result_backend=f"db+sqlite:///{tmp_path / 'results.sqlite3'}")

    try:
        assert type(container.coordinator()).__name__ == "SqlCoordinator"
        assert type(container.schedule_store()).__name__ == "SqlScheduleStore"
        container.coordinator().close()
        container.schedule_store().close()
    finally:
        container.stores().close()


def test_without_results_there_is_nothing_to_agree_on():
    container = parts_of()

    with pytest.raises(NotSupported, match="set result_backend to a Redis or an SQL database"):
        container.coordinator()
