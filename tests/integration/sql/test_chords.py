"""What chords cost on SQL, and what becomes of the tables that an older version made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from celeriac.adapters.sql.results import SqlResults
from celeriac.adapters.sql.settler import SqlSettler
from celeriac.domain.canvas.chords import Contribution
from celeriac.domain.errors import SettlementRefused
from celeriac.domain.work.settlement import Settlement
from tests.contracts.samples import (
    JOINS,
    claim,
    contribution,
    ids,
    messages,
    part,
    publish,
)

from .places import ON_EACH_DATABASE, empty_place

pytestmark = ON_EACH_DATABASE
__all__ = ["empty_place"]

SIZE, AT_ONCE = 20_000, 500


class Counted:
    """A transaction that counts what it sends and what comes back."""

    def __init__(self, transaction, done):
        self._transaction, self._done = transaction, done

    def __getattr__(self, name):
        return getattr(self._transaction, name)

    def run(self, sql, parameters=()):
        self._done["statements"] += 1
        return self._transaction.run(sql, parameters)

    def rows(self, sql, parameters=()):
        rows = self._transaction.rows(sql, parameters)
        self._done.update(statements=1, rows=len(rows))
        return rows

    def many(self, sql, rows):
        self._done["statements"] += len(rows)
        return self._transaction.many(sql, rows)


class CountedResults(SqlResults):
    """Results that count what they ask of the database."""

    def __init__(self, store):
        super().__init__(store)
        self.done = Counter()

    def _write(self, work):
        return super()._write(lambda transaction: work(Counted(transaction, self.done)))


def batches():
    for begin in range(0, SIZE, AT_ONCE):
        yield [part(f"t{n:05}", n, size=SIZE) for n in range(begin, begin + AT_ONCE)]


def test_a_batch_of_parts_costs_the_same_however_many_were_counted_before(place):
    results = CountedResults(place._store(host_time=False))
    costs = []

    told = []
    for batch in batches():
        told += [count.counted for count in results.count_parts(batch) if count.due]
        costs.append(dict(results.done))
        results.done.clear()

    assert told == [SIZE]
    assert all(cost == costs[0] for cost in costs)
    # The chord's row is read, and at most the parts of the batch.
    assert costs[0]["rows"] <= AT_ONCE + 1
    assert costs[0]["statements"] <= AT_ONCE + 3
    results.close()


def test_parts_of_many_small_chords_cost_a_few_statements_each(place):
    results = CountedResults(place._store(host_time=False))

    counts = results.count_parts(
        [part(f"{n}", 0, size=1, group=f"g{n:03}") for n in range(AT_ONCE)]
    )

    assert all(count.due for count in counts)
    assert results.done["rows"] <= 2 * AT_ONCE
    assert results.done["statements"] <= 3 * AT_ONCE + 3
    results.close()


def test_what_is_left_of_a_closed_chord_expires_with_the_rest(place):
    results = place.results()
    results.count_parts([part("a", size=1), part("x", size=2, group="h")])
    results.close_chords(["g"])
    place.advance(3600)
    results.count_parts([part("y", size=2, group="young")])

    end = place.clock.now() - timedelta(minutes=30)
    results.expire(end, end)

    assert results.count_parts([part("a", size=1)])[0].due
    assert results.fetch_parts("h") == []
    assert [one.task_id for one in results.fetch_parts("young")] == ["y"]


def test_chords_of_an_older_schema_are_made_anew_with_what_it_lacks(place):
    place.results().open()
    with place.transaction() as connection:
        for table in ("celeriac_chord", "celeriac_chord_part"):
            connection.execute(text(f"DROP TABLE {table}"))
        for sql in (
            "CREATE TABLE celeriac_chord (group_id VARCHAR(155) PRIMARY KEY, size INTEGER NOT NULL,"
            " fired SMALLINT NOT NULL, created BIGINT NOT NULL)",
            "CREATE TABLE celeriac_chord_part (group_id VARCHAR(155), task_id VARCHAR(155),"
            " position INTEGER, size INTEGER NOT NULL, PRIMARY KEY (group_id, task_id))",
            "UPDATE celeriac_schema SET version = 1",
        ):
            connection.execute(text(sql))

    counts = place.results().count_parts([part("a", size=None), part("b", 1, size=2)])

    assert [count.counted for count in counts] == [1, 2]


def test_a_completion_that_cannot_be_written_is_refused_by_its_index(place):
    broker, results = place.broker(), place.results()
    broker.enlist("w@host", lease=10)
    publish(broker, *messages(2))
    one, two = (delivery.token for delivery in claim(broker))
    last = contribution("b", 1)
    odd = Contribution(last.part, replace(last.completion, headers={"mine": object()}))

    with pytest.raises(SettlementRefused, match="plain data") as refusal:
        SqlSettler(broker, results).settle(
            [Settlement(one, parts=(contribution("a"),)), Settlement(two, parts=(odd,))]
        )

    assert refusal.value.index == 1
    assert ids(claim(broker, JOINS)) == []
    assert results.fetch_parts("g") == []
