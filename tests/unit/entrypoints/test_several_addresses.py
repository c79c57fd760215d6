"""A broker or a result backend of several addresses."""

import pytest

from celeriac import Celeriac
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.cluster_broker import ClusterBroker
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.application.settle import SeparateSettler

TWO = ["redis://:hush@a/1", "redis://b/1"]


@pytest.mark.parametrize("asked", [TWO, ";".join(TWO)], ids=["list", "text"])
def test_all_addresses_are_given_to_a_technology_that_fails_over(asked):
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(broker_url=asked, result_backend=";".join(TWO))

    assert isinstance(app.broker, RedisBroker)
    assert app.broker.url == "redis://:********@a:6379/1;redis://b:6379/1"
    assert isinstance(app.container.settler(), RedisSettler)
    app.close()


def test_others_are_given_the_first_one(tmp_path):
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(broker_url=[f"sqlite:///{tmp_path}/a", f"sqlite:///{tmp_path}/b"])

    assert app.broker.url.endswith("/a")
    app.close()


def test_sentinels_are_asked_as_the_options_of_each_say():
    url = "sentinel://a/1;sentinel://b"
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(
        broker_url=url,
        result_backend=url,
        broker_transport_options={"master_name": "mine"},
        result_backend_transport_options={"master_name": "mine"},
    )

    assert app.broker.store.place.server == "mine@a:26379,b:26379"
    assert isinstance(app.container.settler(), RedisSettler)
    app.close()


def test_on_a_cluster_settlements_are_carried_out_step_by_step():
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(broker_url="redis+cluster://a", result_backend="redis+cluster://a")

    assert isinstance(app.broker, ClusterBroker)
    assert isinstance(app.container.settler(), SeparateSettler)
    app.close()
