"""Old failures are found and deleted without making writers wait for a look at all the rest."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from celeriac.adapters.sql import results as sql_results
from tests.contracts.samples import later, record

from .places import ON_EACH_DATABASE, empty_place

__all__ = ["empty_place"]

#: More than are looked at together; no multiple of it.
MANY = 7
#: What has a database count what is in a table, and what has it tell how it would read it.
PLANS = {
    "sqlite": ("ANALYZE", "EXPLAIN QUERY PLAN"),
    "postgresql": ("ANALYZE", "EXPLAIN"),
    "mysql": ("ANALYZE TABLE", "EXPLAIN"),
    "mariadb": ("ANALYZE TABLE", "EXPLAIN"),
}


@ON_EACH_DATABASE
def test_however_many_are_old_all_go(place, monkeypatch):
    monkeypatch.setattr(sql_results, "_LOOKED_AT", 3)
    results, now = place.results(), later(place, 0)
    old = now - timedelta(days=2)
    for state in ("FAILURE", "SUCCESS", "REVOKED"):
        results.store([record(f"{state} {n}", state, done=old) for n in range(MANY)])

    assert results.expire(None, now - timedelta(days=1)) == MANY
    assert results.expire(now - timedelta(days=1), None) == 2 * MANY


@ON_EACH_DATABASE
def test_a_failure_that_turned_out_well_after_it_was_found_stays(place, monkeypatch):
    results, now = place.results(), later(place, 0)
    results.store([record("a", "FAILURE", done=now - timedelta(days=2))])
    table = results.table
    found = table.old

    def found_then_tried_again(*args):
        ids = found(*args)
        place.results().store([record("a", "SUCCESS", done=now)])
        return ids

    monkeypatch.setattr(table, "old", found_then_tried_again)

    assert results.expire(None, now - timedelta(days=1)) == 0
    assert [one.state for one in results.fetch(["a"])] == ["SUCCESS"]


@ON_EACH_DATABASE
def test_what_is_old_is_looked_for_by_the_index_of_its_end(place):
    """A server would read a handful of rows whole, so there are many."""
    results, now = place.results(), later(place, 0)
    done = [now - timedelta(hours=n) for n in range(3000)]
    results.store([record(f"{n}", "FAILURE", done=at) for n, at in enumerate(done)])
    table = results.table.task
    asked = []
    results.sql.read(lambda t: results.table.old(Asked(t, asked), done[-3], ("FAILURE",), 10))
    ((sql, parameters),) = asked

    with place.transaction() as connection:
        count, explain = PLANS[connection.dialect.name]
        connection.execute(text(f"{count} {table}"))
    with place.transaction() as connection:
        bound = sql.replace("?", ":moment")
        plan = connection.execute(text(f"{explain} {bound}"), {"moment": parameters[0]}).all()

    assert f"ix_{table}_date_done" in str(plan)


class Asked:
    """A transaction that notes what it is asked."""

    def __init__(self, transaction, asked):
        self._transaction, self._asked = transaction, asked

    def rows(self, sql, parameters=()):
        self._asked.append((sql, parameters))
        return self._transaction.rows(sql, parameters)
