"""Revoked while they wait, tasks end on every store as if a worker had dropped them."""

from __future__ import annotations

import secrets

import pytest
import redis

from celeriac import Celeriac, chain, chord
from celeriac.entrypoints.testing import running_worker
from celeriac.exceptions import ChordError
from tests.integration.redis.private import Server, needs_redis_server
from tests.servers.processes import free_port
from tests.waiting import eventually

STORES = [
    pytest.param("sqlite", id="sqlite"),
    *(
        pytest.param(name, id=name, marks=pytest.mark.needs_server(name))
        for name in ("postgresql", "mariadb", "redis")
    ),
    pytest.param(
        "redis+sqlite", id="redis, results in sqlite", marks=pytest.mark.needs_server("redis")
    ),
]


@pytest.fixture
def shop(request, tmp_path):
    """An app on a store, with a queue of its own."""
    broker, _, results = request.param.partition("+")
    name = f"revoking-{secrets.token_hex(4)}"
    options = {"global_keyprefix": f"{name}:"}
    app = Celeriac(
        "shop",
        broker=_url(request, broker, tmp_path),
        backend=_url(request, results or broker, tmp_path),
        set_as_current=False,
        task_default_queue=name,
        broker_transport_options=options if broker == "redis" else {},
        result_backend_transport_options=options if (results or broker) == "redis" else {},
    )
    app.task(name="cook")(lambda *dishes: dishes)
    app.task(name="mourn")(lambda failed: failed)
    yield app
    app.close()
    if broker == "redis":
        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            for key in list(client.scan_iter(f"{name}:*", count=1000)):
                client.delete(key)


def _url(request, name, folder):
    if name == "sqlite":
        return f"sqlite:///{folder / 'shop.sqlite3'}"
    return request.getfixturevalue(f"{name}_url")


def flows_of(app):
    """A chord and a chain of tasks that wait, and the ids of those of them that were sent."""
    cook, mourn = app.tasks["cook"], app.tasks["mourn"]
    header = [cook.s(n).set(task_id=f"{app.conf.task_default_queue}-{n}") for n in range(2)]
    grief = mourn.s().set(task_id=f"{app.conf.task_default_queue}-mourned")
    meal = chord(header, cook.s().on_error(grief)).apply_async(countdown=600)
    first = cook.s(1).set(task_id=f"{app.conf.task_default_queue}-first", countdown=600)
    course = chain(first, cook.s(), cook.s())()
    return meal, course, [one.id for one in (*meal.parent.results, course.parent.parent)]


@pytest.mark.parametrize("shop", STORES, indirect=True)
def test_without_any_worker_chord_and_chain_are_told(shop):
    meal, course, ids = flows_of(shop)
    queue = shop.conf.task_default_queue

    shop.control.revoke(ids)

    assert [meal.state, type(meal.result)] == ["FAILURE", ChordError]
    assert {one.state for one in meal.parent.results} == {"REVOKED"}
    assert [course.state, course.parent.state, course.parent.parent.state] == ["REVOKED"] * 3
    assert [one.task for one in shop.broker.peek(queue, 9)] == ["mourn"]
    assert shop.broker.depth([queue]) == {queue: 1}


@pytest.mark.parametrize("shop", STORES, indirect=True)
def test_a_worker_that_is_told_as_celery_tells_it_ends_what_waits(shop):
    with running_worker(shop, concurrency=1):
        meal, course, ids = flows_of(shop)

        shop.control.broadcast("revoke", {"task_id": ids}, reply=True, limit=1, timeout=20)

        assert isinstance(meal.get(timeout=20, propagate=False), ChordError)
        eventually(lambda: course.state == "REVOKED")
        grief = shop.AsyncResult(f"{shop.conf.task_default_queue}-mourned")
        assert grief.get(timeout=20) == meal.id
        assert [course.parent.state, course.parent.parent.state] == ["REVOKED"] * 2
        assert shop.tasks["cook"].delay(1).get(timeout=20) == [1]


@needs_redis_server
def test_a_thousand_tasks_are_revoked_in_few_round_trips(tmp_path):
    server = Server(tmp_path, free_port(), "--save", "").start().answering()
    try:
        with Celeriac("shop", broker=server.url, backend=server.url, set_as_current=False) as app:
            app.task(name="cook")(lambda: None)
            results = app.publish_many(app.signature("cook") for _ in range(1000))
            app.control.revoke("unheard")  # what is done once is done
            before = _asked(server)

            app.control.revoke([result.id for result in results])

            # Enlist, seize, settle, leave, tell the workers.
            assert _asked(server) - before <= 10
            assert {result.state for result in results} == {"REVOKED"}
    finally:
        server.kill()


def _asked(server):
    """Count what clients asked of a server, not what its scripts did."""
    with redis.Redis(port=server.port, decode_responses=True) as client:
        asked = client.info("commandstats")
    counted = ("evalsha", "eval", "mget", "get")
    return sum(asked.get(f"cmdstat_{name}", {}).get("calls", 0) for name in counted)
