"""The bus on SQL keeps what was said for some minutes only."""

from __future__ import annotations

import pytest

from celeriac.adapters.sql import bus_log
from celeriac.domain.cluster.speech import Topic
from tests.contracts.samples import said

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE

KEPT_SECONDS = bus_log.KEPT / 1000


def rows(bus):
    ((count,),) = bus.store.read(lambda t: t.rows("SELECT COUNT(*) FROM celeriac_bus"))
    return count


def test_old_rows_are_deleted_by_who_speaks(place):
    bus = place.bus()
    bus.broadcast(said("news", {"n": 1}))
    bus.broadcast(said("news", {"n": 2}))
    place.advance(KEPT_SECONDS + 1)

    bus.broadcast(said("news", {"n": 3}))

    assert rows(bus) == 1


def test_a_listener_a_little_behind_misses_nothing(place):
    bus = place.bus()
    ear = bus.subscribe([Topic("news")])
    bus.broadcast(said("news", {"n": 1}))
    place.advance(KEPT_SECONDS - 1)

    bus.broadcast(said("news", {"n": 2}))

    assert [message.body["n"] for message in ear.receive(0)] == [1, 2]


def test_numbers_go_on_when_all_rows_are_gone(place):
    bus = place.bus()
    for number in range(3):
        bus.broadcast(said("news", {"n": number}))
    ear = bus.subscribe([Topic("news")])
    bus.store.write(lambda t: t.run("DELETE FROM celeriac_bus"))

    bus.broadcast(said("news", {"n": 3}))

    assert [message.body["n"] for message in ear.receive(0)] == [3]


def test_many_old_rows_are_deleted_some_at_a_time(place, monkeypatch):
    monkeypatch.setattr(bus_log, "PRUNED", 4)
    bus = place.bus()
    for number in range(10):
        bus.broadcast(said("news", {"n": number}))
    place.advance(KEPT_SECONDS + 1)

    left = []
    for _ in range(4):
        bus.broadcast(said("news", {}))
        left.append(rows(bus))

    # The fourth finds nothing more to do, and looks again in a minute.
    assert left == [7, 4, 3, 4]


def test_speaking_does_not_look_for_old_rows_all_the_time(place, monkeypatch):
    looks = []
    bus = place.bus()
    bus.broadcast(said("news", {}))
    monkeypatch.setattr(bus_log, "expired", lambda *_: looks.append(1) or 0)

    for _ in range(5):
        bus.broadcast(said("news", {}))
        place.advance(20)

    assert len(looks) == 1


@pytest.mark.parametrize("reached", [0, 1])
def test_a_listener_hears_on_after_the_tables_were_made_anew(place, reached):
    bus = place.bus()
    for number in range(3):
        bus.broadcast(said("news", {"n": number}))
    ear = bus.subscribe([Topic("news")])
    bus.store.write(lambda t: t.run("DELETE FROM celeriac_bus"))
    bus.store.write(lambda t: t.run("UPDATE celeriac_counter SET reached = ?", (reached,)))
    assert list(ear.receive(0)) == []

    bus.broadcast(said("news", {"n": "new"}))

    assert list(ear.receive(0)) == said("news", {"n": "new"})
