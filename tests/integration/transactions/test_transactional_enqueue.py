"""Enqueueing in a transaction of the caller's: the task is there if and when it commits."""

from dataclasses import dataclass

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.orm import Session

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker, work_off
from celeriac.exceptions import NotSupported, UnserializableArguments

ORDERS = Table("orders_of_this_test", MetaData(), Column("number", Integer, primary_key=True))


@dataclass
class Shop:
    """A database with orders and tasks in it."""

    app: Celeriac
    engine: Engine
    url: str

    @property
    def waiting(self) -> int:
        """How many tasks are visible to workers."""
        return self.app.broker.depth(["celery"])["celery"]

    @property
    def orders(self) -> list[int]:
        """What was ordered for good."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(ORDERS.c.number)))


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.needs_server("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.needs_server("mariadb")),
    ]
)
def shop(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.db"
    else:
        url = request.getfixturevalue(f"{request.param}_url")
    engine = create_engine(url)
    app = Celeriac("shop", broker=url, backend=url, set_as_current=False)
    ORDERS.metadata.create_all(engine)
    app.broker.open()
    app.broker.purge(["celery"])

    @app.task(name="ship")
    def ship(number: int) -> list[int]:
        with engine.connect() as connection:
            return [number, *connection.scalars(select(ORDERS.c.number))]

    yield Shop(app, engine, url)
    app.broker.purge(["celery"])
    app.close()
    ORDERS.metadata.drop_all(engine)
    engine.dispose()


def order(connection: Connection | Session, number: int) -> None:
    connection.execute(insert(ORDERS).values(number=number))


def test_a_committed_transaction_makes_the_task_visible_with_its_rows(shop):
    with shop.engine.begin() as connection:
        order(connection, 7)
        result = shop.app.tasks["ship"].apply_async((7,), connection=connection)
        assert shop.waiting == 0

    assert shop.waiting == 1
    work_off(shop.app)
    assert result.get(timeout=0) == [7, 7]


def test_a_rolled_back_transaction_leaves_neither_rows_nor_task(shop):
    connection = shop.engine.connect()
    with connection, connection.begin() as transaction:
        order(connection, 7)
        shop.app.tasks["ship"].apply_async((7,), connection=connection)
        transaction.rollback()

    assert (shop.waiting, shop.orders, work_off(shop.app)) == (0, [], 0)


def test_an_exception_in_the_callers_block_takes_the_task_back(shop):
    with pytest.raises(ZeroDivisionError), shop.engine.begin() as connection:  # noqa: PT012 - the block is the test
        shop.app.tasks["ship"].apply_async((7,), connection=connection)
        raise ZeroDivisionError

    assert shop.waiting == 0


def test_a_session_serves_as_well(shop):
    with Session(shop.engine) as session:
        order(session, 7)
        shop.app.tasks["ship"].apply_async((7,), connection=session)
        session.rollback()
        order(session, 8)
        shop.app.tasks["ship"].apply_async((8,), connection=session)
        assert shop.waiting == 0
        session.commit()

    assert (shop.waiting, shop.orders) == (1, [8])


def test_a_savepoint_that_is_rolled_back_takes_its_task_with_it(shop):
    with shop.engine.begin() as connection:
        shop.app.tasks["ship"].apply_async((1,), task_id="kept", connection=connection)
        inner = connection.begin_nested()
        shop.app.tasks["ship"].apply_async((2,), task_id="gone", connection=connection)
        inner.rollback()

    assert [message.id for message in shop.app.broker.peek("celery", 9)] == ["kept"]


def test_many_calls_join_one_transaction(shop):
    ship = shop.app.tasks["ship"]
    with shop.engine.connect() as connection:
        with connection.begin() as transaction:
            shop.app.publish_many((ship.s(n) for n in range(25)), batch=10, connection=connection)
            transaction.rollback()
        assert shop.waiting == 0
        with connection.begin():
            results = shop.app.publish_many(
                (ship.s(n) for n in range(25)), batch=10, connection=connection
            )

    assert shop.waiting == 25
    work_off(shop.app)
    assert [result.get(timeout=0) for result in results] == [[n] for n in range(25)]


def test_options_hold_in_a_transaction_too(shop):
    with shop.engine.begin() as connection:
        shop.app.tasks["ship"].apply_async(
            (1,), task_id="t", priority=5, countdown=3600, connection=connection
        )

    assert work_off(shop.app) == 0
    shop.app.broker.enlist("looker@host", lease=10)
    (found,) = shop.app.broker.seize(["t"])
    assert (found.message.id, found.message.priority) == ("t", 5)


def test_by_name_or_by_signature_it_is_the_same(shop):
    with shop.engine.begin() as connection:
        shop.app.send_task("ship", (1,), connection=connection)
        shop.app.tasks["ship"].s(2).apply_async(connection=connection)
        assert shop.waiting == 0

    assert shop.waiting == 2


def test_arguments_that_cannot_be_sent_leave_the_transaction_usable(shop):
    with shop.engine.begin() as connection:
        order(connection, 7)
        with pytest.raises(UnserializableArguments):
            shop.app.tasks["ship"].apply_async((object(),), connection=connection)

    assert (shop.waiting, shop.orders) == (0, [7])


def test_a_worker_that_waits_wakes_up_at_the_commit(shop):
    with running_worker(shop.app):
        with shop.engine.begin() as connection:
            result = shop.app.tasks["ship"].apply_async((7,), connection=connection)

        assert result.get(timeout=20) == [7]


def test_what_is_no_transaction_is_refused(shop):
    with pytest.raises(NotSupported, match="must be a SQLAlchemy connection or session, not str"):
        shop.app.tasks["ship"].apply_async((7,), connection="sqlite:///")

    assert shop.waiting == 0


def test_a_transaction_of_another_database_is_refused(shop, tmp_path):
    other = create_engine(f"sqlite:///{tmp_path}/other.db")
    Celeriac("other", broker=str(other.url), set_as_current=False).broker.open()

    with other.begin() as connection, pytest.raises(NotSupported, match=r"other\.db, but the bro"):
        shop.app.tasks["ship"].apply_async((7,), connection=connection)

    other.dispose()
    assert shop.waiting == 0


def test_a_broker_without_transactions_says_who_has_them():
    app = Celeriac("a", broker="memory://", set_as_current=False)
    ship = app.task(name="ship")(lambda number: number)
    engine = create_engine("sqlite://")

    with engine.begin() as connection, pytest.raises(NotSupported, match="SQL broker"):
        ship.apply_async((7,), connection=connection)
    with engine.begin() as connection, pytest.raises(NotSupported, match="SQL broker"):
        app.publish_many([ship.s(1)], connection=connection)

    engine.dispose()
    app.close()
