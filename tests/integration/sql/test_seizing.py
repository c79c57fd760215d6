"""The index by which waiting messages of tasks are found, in new stores and in older ones."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from celeriac.adapters.sql.schema import VERSION
from tests.contracts.samples import ids, messages, publish

from .places import ON_EACH_DATABASE, empty_place

pytestmark = ON_EACH_DATABASE
__all__ = ["empty_place"]

INDEX = "celeriac_message_task"


def indexes(place):
    with place.transaction() as connection:
        return {index["name"] for index in inspect(connection).get_indexes("celeriac_message")}


@pytest.mark.parametrize("half_done", [False, True])
def test_a_store_of_an_older_version_gets_the_index_and_keeps_its_messages(place, half_done):
    publish(place.broker(), *messages(3))
    on = "" if place.servers != ("mariadb",) else " ON celeriac_message"
    with place.transaction() as connection:
        if not half_done:
            connection.execute(text(f"DROP INDEX {INDEX}{on}"))
        connection.execute(text("UPDATE celeriac_schema SET version = 4"))

    broker = place.broker()
    broker.enlist("w@host", lease=10)

    assert ids(broker.seize(["m001"])) == ["m001"]
    assert INDEX in indexes(place)
    with place.transaction() as connection:
        versions = connection.execute(text("SELECT version FROM celeriac_schema")).scalars().all()
    assert max(versions) == VERSION
