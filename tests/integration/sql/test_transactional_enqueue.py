"""Publishing in the caller's transaction: on a connection, a session, an asynchronous session."""

from __future__ import annotations

import asyncio
from threading import Thread
from time import monotonic

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.domain.errors import NotSupported, QueueNotFound
from celeriac.domain.messaging.message import TaskMessage

from .actor import JOBS, message
from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture


@pytest.fixture
def engine(place):
    engine = create_engine(place.broker().store.engine().url)
    yield engine
    engine.dispose()


def ids(broker):
    return [one.id for one in broker.peek(JOBS, 10)]


@ON_EACH_DATABASE
def test_a_session_carries_messages_beside_its_own_rows(place, engine):
    broker = place.broker(host_time=True)
    broker.open()
    with Session(engine) as session:
        session.execute(text("CREATE TABLE orders (number INTEGER)"))
        session.commit()

        session.execute(text("INSERT INTO orders VALUES (1)"))
        broker.publish([message("a"), message("b")], deadline=5, within=session)
        unseen = ids(broker)
        session.commit()

        session.execute(text("INSERT INTO orders VALUES (2)"))
        broker.publish([message("c")], deadline=5, within=session)
        session.rollback()

        assert unseen == []
        assert ids(broker) == ["a", "b"]
        assert session.execute(text("SELECT number FROM orders")).all() == [(1,)]


@ON_EACH_DATABASE
def test_a_waiting_worker_is_woken_by_the_callers_commit(place, engine):
    worker, publisher = place.broker(host_time=True), place.broker(host_time=True)
    worker.enlist("w@host", 60)
    caught = []
    working = Thread(target=lambda: caught.extend(worker.claim([JOBS], 10, 30)))
    working.start()

    with engine.begin() as connection:
        publisher.publish([message("a")], deadline=5, within=connection)
    began = monotonic()
    working.join(timeout=30)

    assert [one.message.id for one in caught] == ["a"]
    assert monotonic() - began < 4


@ON_EACH_DATABASE
def test_a_message_that_leads_nowhere_leaves_the_transaction_usable(place, engine):
    broker = place.broker(host_time=True)
    lost = TaskMessage("x", "tasks.add", b"", exchange="unheard", routing_key="k")

    with engine.begin() as connection:
        with pytest.raises(QueueNotFound):
            broker.publish([message("good"), lost], deadline=5, within=connection)
        broker.publish([message("a")], deadline=5, within=connection)

    assert ids(broker) == ["a"]


@pytest.mark.needs_server("postgresql")
def test_an_asynchronous_session_carries_messages(postgresql_url):
    broker = SqlBroker(SqlStore.from_url(postgresql_url, clock=SystemClock()))
    broker.purge([JOBS])

    async def enqueue():
        engine = create_async_engine(make_url(postgresql_url))
        async with AsyncSession(engine) as session:
            await session.run_sync(
                lambda _: broker.publish([message("a")], deadline=5, within=session)
            )
            unseen = ids(broker)
            await session.commit()
        await engine.dispose()
        return unseen

    assert asyncio.run(enqueue()) == []
    assert ids(broker) == ["a"]
    broker.purge([JOBS])
    broker.close()


def test_the_transaction_of_another_database_is_refused(tmp_path):
    broker = SqlBroker(SqlStore.from_url("postgresql://127.0.0.1:1/db", clock=SystemClock()))
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")

    with (
        engine.connect() as connection,
        pytest.raises(NotSupported, match="only a transaction on the broker's own database"),
    ):
        broker.publish([message("a")], deadline=5, within=connection)
    with pytest.raises(NotSupported, match="must be a SQLAlchemy connection or session, not str"):
        broker.publish([message("a")], deadline=5, within="a transaction")
    engine.dispose()


def test_the_tables_need_not_be_there_before_the_callers_transaction(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = create_engine(url)
    broker = SqlBroker(SqlStore.from_url(url, clock=SystemClock()))

    with engine.begin() as connection:
        broker.publish([message("a")], deadline=5, within=connection)

    assert ids(broker) == ["a"]
    engine.dispose()
    broker.close()
