"""Apps and workers on a Redis Cluster of three nodes: real ones."""

from __future__ import annotations

from contextlib import suppress
from time import sleep, time

import pytest

from celeriac import Celeriac, chain, group
from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.cluster_broker import ClusterBroker
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured
from celeriac.domain.work.settlement import DONE, DeadLetter, Park, Requeue
from celeriac.entrypoints.testing import running_worker
from tests.contracts.samples import claim, message, publish
from tests.integration.redis.load import Load
from tests.integration.redis.private import KEEPING, cluster, needs_redis_server

pytestmark = needs_redis_server
#: A Cluster that goes on without a node serves the slots of all others.
PARTIAL = ("--save", "", "--cluster-require-full-coverage", "no")
#: Seconds within which work goes on after a node is there again.
RETURN = 5.0


@pytest.fixture(scope="module")
def nodes():
    with cluster() as nodes:
        yield nodes


@pytest.fixture
def url(nodes):
    return nodes[0].url.replace("redis", "redis+cluster", 1)


@pytest.fixture
def app(url):
    app = Celeriac("spread", broker=url, backend=url, set_as_current=False)
    app.task(name="add")(lambda x, y: x + y)
    app.task(name="total")(sum)
    yield app
    app.close()


def test_tasks_of_several_queues_are_run_and_their_results_found(app):
    names = ["one", "two", "three", "four"]

    with running_worker(app, pool="threads", queues=names):
        sent = [app.send_task("add", (n, n), queue=names[n % 4]) for n in range(40)]
        found = [result.get(timeout=20) for result in sent]

    assert found == [2 * n for n in range(40)]


def test_chains_and_groups_go_on_over_slots(app):
    add, total = app.tasks["add"], app.tasks["total"]

    with running_worker(app, pool="threads"):
        assert chain(add.s(1, 2), add.s(3), add.s(4)).delay().get(timeout=20) == 10
        assert group(add.s(n, n) for n in range(5)).delay().get(timeout=20) == [0, 2, 4, 6, 8]
        assert (group(add.s(n, n) for n in range(5)) | total.s()).delay().get(timeout=20) == 20


def test_all_keys_of_a_queue_are_in_one_slot(nodes, url):
    store = RedisStore(url, clock=SystemClock(), options={"global_keyprefix": "slots:"})
    broker = ClusterBroker(store)
    broker.enlist("w@host", lease=60)
    publish(broker, *(message(str(n), priority=n) for n in range(10)))
    ends = [Requeue(crashed=False), Park(store.clock.now()), DeadLetter("x", "y")]
    taken = claim(broker, limit=3)
    broker.settle([(one.token, end) for one, end in zip(taken, ends, strict=True)])

    keys = {key for node in nodes for key in node.says("KEYS", "slots:*jobs*")}

    assert len(keys) >= 8
    assert len({nodes[0].says("CLUSTER", "KEYSLOT", key) for key in keys}) == 1
    store.close()


def test_a_node_named_as_if_it_were_a_single_server_is_told_apart(nodes):
    store = RedisStore(nodes[0].url, clock=SystemClock())

    with pytest.raises(ImproperlyConfigured, match=r"redis\+cluster://"):
        store.open()

    store.close()


def test_a_node_that_is_killed_and_started_again_has_lost_nothing(tmp_path):
    with cluster(options=KEEPING) as nodes:
        url = nodes[0].url.replace("redis", "redis+cluster", 1)
        with Load(tmp_path, {"broker_url": url, "result_backend": url}) as load:
            load.until_ready(load.worker())
            load.begin()
            load.eventually(lambda: len(load.marks()) > 40, "no task is run")
            owner = node_of(nodes, "celery")

            owner.kill()
            sleep(1)
            owner.start().answering()
            back = time()

            load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after it")
            load.end()
            load.until_all_are_over()
            ends = load.ends()
            assert set(ends) <= {"late SUCCESS", "early SUCCESS", "early FAILURE WorkerLostError"}
            assert load.workers[0].poll() is None


def test_a_queue_whose_node_is_away_hinders_no_other(url):
    with cluster(options=PARTIAL) as nodes:
        store = RedisStore(nodes[0].url.replace("redis", "redis+cluster", 1), clock=SystemClock())
        broker = ClusterBroker(store)
        broker.enlist("w@host", lease=60)
        queues = [f"q{n}" for n in range(20)]
        away, *_ = lost = [queue for queue in queues if node_of(nodes, queue) is nodes[2]]
        publish(broker, *(message(queue, queue=queue) for queue in queues))

        nodes[2].kill()

        found = []
        with suppress(BrokerUnavailable):
            while True:
                found += broker.claim(queues, 5, 0)
        assert {one.queue for one in found} == {*queues} - {*lost}
        assert broker.settle([(one.token, DONE) for one in found]) == [True] * len(found)
        with pytest.raises(BrokerUnavailable):
            publish(broker, message("x", queue=away))
        store.close()


def node_of(nodes, queue):
    slot = nodes[0].says("CLUSTER", "KEYSLOT", f"{{{queue}}}")
    return nodes[slot * len(nodes) // 16384]
