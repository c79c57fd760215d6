"""The coordinator on SQL: what is long over leaves no rows, and clocks may differ a little."""

from __future__ import annotations

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE

DAY = 86_400


def names(coordinator, table):
    rows = coordinator.store.read(lambda t: t.rows(f"SELECT name FROM {table} ORDER BY name"))
    return [name for (name,) in rows]


def test_leases_long_over_are_deleted_and_their_fences_never_come_again(place):
    coordinator = place.coordinator()
    old = coordinator.acquire("unique-1", "one", ttl=10)
    coordinator.acquire("beat", "one", ttl=3 * DAY)
    place.advance(2 * DAY)

    coordinator.acquire("unique-2", "one", ttl=10)

    assert names(coordinator, "celeriac_lease") == ["beat", "unique-2"]
    assert coordinator.acquire("unique-1", "two", ttl=10).fence > old.fence
    assert coordinator.release(old) is False


def test_slots_long_over_are_deleted_and_those_in_use_stay(place):
    coordinator = place.coordinator()
    coordinator.take_slots([("used", 1)], "one", ttl=3 * DAY)
    coordinator.take_slots([("over", 1)], "one", ttl=10)
    place.advance(2 * DAY)

    coordinator.take_slots([("new", 1)], "one", ttl=10)

    assert names(coordinator, "celeriac_slot") == ["new", "new", "used", "used"]
    assert coordinator.take_slots([("used", 1)], "two", ttl=10) is False
    assert coordinator.take_slots([("over", 1)], "two", ttl=10) is True


def test_names_may_be_of_any_length_and_are_told_apart(place):
    coordinator = place.coordinator()
    one, two = "x" * 300 + "1", "x" * 300 + "2"

    grant = coordinator.acquire(one, "one", ttl=10)

    assert grant.name == one
    assert coordinator.acquire(two, "two", ttl=10).name == two
    assert coordinator.holder(one) == grant
    assert coordinator.take_slots([(one, 1), (two, 1)], "one", ttl=10) is True
    assert coordinator.take_tokens(one, 1, rate=1.0, burst=1) == 0.0
    assert coordinator.take_tokens(two, 1, rate=1.0, burst=1) == 0.0


def test_names_differ_by_their_case(place):
    coordinator = place.coordinator()

    assert coordinator.acquire("Beat", "one", ttl=10) is not None
    assert coordinator.acquire("beat", "two", ttl=10) is not None


def test_a_clock_that_is_a_little_behind_fills_no_bucket_twice(place):
    coordinator = place.coordinator()
    taken = []

    for behind in [0, -0.05] * 10:
        place.clock.jump_wall(behind)
        taken.append(coordinator.take_tokens("mail", 1, rate=10.0, burst=10) == 0.0)
        place.clock.jump_wall(-behind)

    assert taken == [True] * 10 + [False] * 10


def test_a_clock_that_was_far_ahead_does_not_close_a_bucket_for_long(place):
    coordinator = place.coordinator()
    place.clock.jump_wall(3600)
    coordinator.take_tokens("mail", 1, rate=1.0, burst=2)
    place.clock.jump_wall(-3600)

    assert coordinator.take_tokens("mail", 1, rate=1.0, burst=2) == 0.0
    place.advance(1)
    assert coordinator.take_tokens("mail", 1, rate=1.0, burst=2) == 0.0
