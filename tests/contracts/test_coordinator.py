"""What every coordinator promises: leases, slots and tokens that a whole cluster agrees on."""

from __future__ import annotations

from functools import partial
from math import inf

import pytest

from celeriac.domain.work.admission import Ask, Budget
from celeriac.ports.coordinator import Grant

from .samples import at_once

PORT = "coordinator"


@pytest.fixture
def coordinator(place):
    return place.coordinator()


@pytest.fixture
def elsewhere(place):
    """Another process's coordinator over the same store."""
    return place.coordinator()


# -- leases


def test_a_free_name_is_granted_and_everybody_knows(coordinator, elsewhere):
    grant = coordinator.acquire("beat", "one", ttl=10)

    assert (grant.name, grant.holder) == ("beat", "one")
    assert elsewhere.holder("beat") == grant
    assert elsewhere.holder("else") is None


def test_a_held_name_is_granted_to_nobody_else(coordinator, elsewhere):
    grant = coordinator.acquire("beat", "one", ttl=10)

    assert elsewhere.acquire("beat", "two", ttl=10) is None
    assert coordinator.acquire("beat", "two", ttl=10) is None
    assert elsewhere.holder("beat") == grant


def test_names_do_not_touch_each_other(coordinator, elsewhere):
    coordinator.acquire("beat", "one", ttl=10)

    assert elsewhere.acquire("lock", "two", ttl=10) is not None


def test_the_holder_prolongs_its_lease_under_the_same_fence(place, coordinator, elsewhere):
    grant = coordinator.acquire("beat", "one", ttl=10)

    for _ in range(3):
        place.advance(8)
        assert coordinator.acquire("beat", "one", ttl=10) == grant

    assert elsewhere.acquire("beat", "two", ttl=10) is None


def test_a_lease_ends_by_itself(place, coordinator, elsewhere):
    coordinator.acquire("beat", "one", ttl=10)
    place.advance(9)
    assert elsewhere.acquire("beat", "two", ttl=10) is None

    place.advance(2)

    assert elsewhere.holder("beat") is None
    assert elsewhere.acquire("beat", "two", ttl=10) is not None


def test_the_fence_grows_with_every_new_holder(place, coordinator, elsewhere):
    fences = []
    for holder in ("one", "two", "one", "three"):
        fences.append(coordinator.acquire("beat", holder, ttl=10).fence)
        place.advance(11)
    released = coordinator.acquire("beat", "four", ttl=10)
    coordinator.release(released)
    fences += [released.fence, elsewhere.acquire("beat", "five", ttl=10).fence]

    assert fences == sorted(set(fences))


def test_a_released_name_is_free_at_once(coordinator, elsewhere):
    grant = coordinator.acquire("beat", "one", ttl=10)

    assert coordinator.release(grant) is True

    assert elsewhere.holder("beat") is None
    assert elsewhere.acquire("beat", "two", ttl=10) is not None


def test_what_is_no_longer_held_cannot_be_released(place, coordinator, elsewhere):
    old = coordinator.acquire("beat", "one", ttl=10)
    place.advance(11)
    assert coordinator.release(old) is False

    new = elsewhere.acquire("beat", "two", ttl=10)

    assert coordinator.release(old) is False
    assert coordinator.release(Grant("beat", "one", new.fence)) is False
    assert coordinator.release(Grant("never", "one", 1)) is False
    assert elsewhere.holder("beat") == new


def test_an_older_grant_of_the_same_holder_releases_nothing(place, coordinator):
    old = coordinator.acquire("beat", "one", ttl=10)
    place.advance(11)
    coordinator.acquire("beat", "two", ttl=1)
    place.advance(2)
    new = coordinator.acquire("beat", "one", ttl=10)

    assert coordinator.release(old) is False
    assert coordinator.holder("beat") == new


def test_exactly_one_of_many_gets_a_lease(place):
    coordinators = [place.coordinator() for _ in range(8)]

    grants = at_once(
        [
            partial(coordinator.acquire, "beat", f"w{number}", 10)
            for number, coordinator in enumerate(coordinators)
        ]
    )

    (winner,) = filter(None, grants)
    assert coordinators[0].holder("beat") == winner


# -- slots


def test_no_more_slots_are_taken_than_there_are(coordinator, elsewhere):
    assert coordinator.take_slots([("db", 2)], "one", ttl=10) is True
    assert elsewhere.take_slots([("db", 2)], "two", ttl=10) is True

    assert coordinator.take_slots([("db", 2)], "three", ttl=10) is False


def test_slots_are_taken_all_or_none(coordinator, elsewhere):
    coordinator.take_slots([("db", 1)], "one", ttl=10)

    assert elsewhere.take_slots([("api", 1), ("db", 1), ("disk", 1)], "two", ttl=10) is False

    assert elsewhere.take_slots([("api", 1), ("disk", 1)], "three", ttl=10) is True


def test_a_slot_of_ones_own_is_prolonged_not_taken_twice(place, coordinator, elsewhere):
    coordinator.take_slots([("db", 2)], "one", ttl=10)
    place.advance(8)
    assert coordinator.take_slots([("db", 2)], "one", ttl=10) is True
    place.advance(8)

    assert elsewhere.take_slots([("db", 2)], "two", ttl=10) is True
    assert elsewhere.take_slots([("db", 2)], "three", ttl=10) is False


def test_the_last_slot_may_be_prolonged_by_its_holder(place, coordinator, elsewhere):
    coordinator.take_slots([("db", 1)], "one", ttl=10)
    place.advance(8)

    assert coordinator.take_slots([("db", 1)], "one", ttl=10) is True

    place.advance(8)
    assert elsewhere.take_slots([("db", 1)], "two", ttl=10) is False


def test_a_slot_ends_by_itself(place, coordinator, elsewhere):
    coordinator.take_slots([("db", 1)], "one", ttl=10)
    place.advance(11)

    assert elsewhere.take_slots([("db", 1)], "two", ttl=10) is True


def test_a_slot_given_back_is_free_at_once(coordinator, elsewhere):
    coordinator.take_slots([("db", 1), ("api", 1)], "one", ttl=10)

    coordinator.free_slots(["db", "never"], "one")
    coordinator.free_slots(["db"], "one")

    assert elsewhere.take_slots([("db", 1)], "two", ttl=10) is True
    assert elsewhere.take_slots([("api", 1)], "two", ttl=10) is False


def test_nobody_frees_the_slots_of_others(coordinator, elsewhere):
    coordinator.take_slots([("db", 1)], "one", ttl=10)

    elsewhere.free_slots(["db"], "two")

    assert elsewhere.take_slots([("db", 1)], "two", ttl=10) is False


def test_where_there_are_no_slots_none_is_taken(coordinator):
    assert coordinator.take_slots([("db", 0)], "one", ttl=10) is False
    assert coordinator.take_slots([], "one", ttl=10) is True


def test_many_at_once_take_no_more_slots_than_there_are(place):
    coordinators = [place.coordinator() for _ in range(8)]

    taken = at_once(
        [
            partial(coordinator.take_slots, [("db", 3), ("api", 5)], f"w{number}", 10)
            for number, coordinator in enumerate(coordinators)
        ]
    )

    assert taken.count(True) == 3
    assert coordinators[0].take_slots([("api", 5)], "one more", 10) is True
    assert coordinators[0].take_slots([("api", 5)], "another", 10) is True
    assert coordinators[0].take_slots([("api", 5)], "too many", 10) is False


# -- tokens


def test_a_bucket_is_full_at_first(coordinator, elsewhere):
    assert coordinator.take_tokens("mail", 2, rate=1.0, burst=3) == 0.0
    assert elsewhere.take_tokens("mail", 1, rate=1.0, burst=3) == 0.0

    assert coordinator.take_tokens("mail", 1, rate=1.0, burst=3) == pytest.approx(1.0)


def test_a_bucket_fills_at_its_rate(place, coordinator):
    coordinator.take_tokens("mail", 4, rate=0.5, burst=4)

    assert coordinator.take_tokens("mail", 1, rate=0.5, burst=4) == pytest.approx(2.0)
    place.advance(1)
    assert coordinator.take_tokens("mail", 1, rate=0.5, burst=4) == pytest.approx(1.0)
    assert coordinator.take_tokens("mail", 3, rate=0.5, burst=4) == pytest.approx(5.0)
    place.advance(1)
    assert coordinator.take_tokens("mail", 1, rate=0.5, burst=4) == 0.0
    assert coordinator.take_tokens("mail", 1, rate=0.5, burst=4) == pytest.approx(2.0)


def test_a_bucket_holds_no_more_than_its_burst(place, coordinator):
    coordinator.take_tokens("mail", 3, rate=1.0, burst=3)
    place.advance(3600)

    assert coordinator.take_tokens("mail", 3, rate=1.0, burst=3) == 0.0
    assert coordinator.take_tokens("mail", 1, rate=1.0, burst=3) == pytest.approx(1.0)


def test_where_tokens_are_missing_none_is_taken(coordinator):
    coordinator.take_tokens("mail", 1, rate=1.0, burst=3)

    assert coordinator.take_tokens("mail", 3, rate=1.0, burst=3) == pytest.approx(1.0)
    assert coordinator.take_tokens("mail", 2, rate=1.0, burst=3) == 0.0


@pytest.mark.parametrize("rate", [0.7, 1 / 3, 3.3, 17.0])
def test_waiting_as_long_as_was_said_is_enough(place, coordinator, rate):
    for _ in range(50):
        wait = coordinator.take_tokens("mail", 1, rate=rate, burst=2)
        if wait:
            place.advance(wait)
            assert coordinator.take_tokens("mail", 1, rate=rate, burst=2) == 0.0


def test_more_tokens_than_a_bucket_holds_can_never_be_taken(coordinator):
    assert coordinator.take_tokens("mail", 4, rate=1.0, burst=3) == inf
    assert coordinator.take_tokens("mail", 3, rate=1.0, burst=3) == 0.0


def test_buckets_do_not_touch_each_other(coordinator):
    coordinator.take_tokens("mail", 1, rate=1.0, burst=1)

    assert coordinator.take_tokens("sms", 1, rate=1.0, burst=1) == 0.0


def test_many_at_once_take_no_more_tokens_than_there_are(place):
    coordinators = [place.coordinator() for _ in range(8)]

    waits = at_once(
        [partial(one.take_tokens, "mail", 1, rate=1.0, burst=3) for one in coordinators]
    )

    assert waits.count(0.0) == 3


def test_many_leases_are_given_back_at_once(coordinator, elsewhere):
    grants = [coordinator.acquire(name, "one", ttl=10) for name in ("a", "b", "c")]
    stale = Grant("c", "one", grants[2].fence + 1)

    coordinator.release_all([grants[1], grants[0], stale, Grant("never", "one", 1)])
    coordinator.release_all([])

    assert elsewhere.acquire("a", "two", ttl=10) is not None
    assert elsewhere.acquire("b", "two", ttl=10) is not None
    assert elsewhere.holder("c") == grants[2]


# -- admission of many


def ask(holder, *slots, budget=None):
    return Ask(holder, slots, budget)


MAIL = Budget("mail", 2.0, 3)


def test_many_asks_share_the_slots_in_their_order(coordinator, elsewhere):
    asks = [ask(f"t{n}", ("db", 2)) for n in range(4)]

    assert coordinator.admit(asks, 10) == [0.0, 0.0, inf, inf]
    assert elsewhere.admit([ask("t9", ("db", 2)), ask("t0", ("db", 2))], 10) == [inf, 0.0]
    assert elsewhere.take_slots([("db", 2)], "t8", 10) is False
    assert coordinator.admit([], 10) == []


def test_who_is_refused_one_slot_takes_none_and_no_token(coordinator):
    coordinator.admit([ask("t0", ("db", 1))], 10)

    refused = coordinator.admit([ask("t1", ("api", 1), ("db", 1), budget=MAIL)], 10)

    assert refused == [inf]
    assert coordinator.admit([ask("t2", ("api", 1))], 10) == [0.0]
    assert coordinator.admit([ask(f"t{n}", budget=MAIL) for n in range(3, 6)], 10) == [0.0] * 3


def test_who_is_refused_a_token_takes_no_slot(coordinator):
    coordinator.admit([ask(f"t{n}", budget=MAIL) for n in range(3)], 10)

    (wait,) = coordinator.admit([ask("t4", ("db", 1), budget=MAIL)], 10)

    assert wait == pytest.approx(0.5)
    assert coordinator.admit([ask("t5", ("db", 1))], 10) == [0.0]


def test_those_without_a_token_are_told_when_theirs_would_be_there(place, coordinator, elsewhere):
    waits = coordinator.admit([ask(f"t{n}", budget=MAIL) for n in range(5)], 10)
    assert waits == [0.0, 0.0, 0.0, pytest.approx(0.5), pytest.approx(1.0)]

    place.advance(0.5)

    assert elsewhere.admit([ask("t3", budget=MAIL)], 10) == [0.0]
    assert elsewhere.admit([ask("t4", budget=MAIL)], 10) == [pytest.approx(0.5)]
    place.advance(3600)
    waits = coordinator.admit([ask(f"u{n}", budget=MAIL) for n in range(4)], 10)
    assert waits == [0.0, 0.0, 0.0, pytest.approx(0.5)]


@pytest.mark.parametrize("rate", [0.7, 1 / 3, 3.3, 17.0])
def test_waiting_for_a_token_as_long_as_was_said_is_enough(place, coordinator, rate):
    budget = Budget("odd", rate, 2)
    for number in range(30):
        (wait,) = coordinator.admit([ask(f"t{number}", budget=budget)], 10)
        if wait:
            place.advance(wait)
            assert coordinator.admit([ask(f"t{number}", budget=budget)], 10) == [0.0]


def test_slots_are_prolonged_by_the_batch_and_those_that_ran_out_stay_free(
    place, coordinator, elsewhere
):
    coordinator.admit([ask("t0", ("db", 2)), ask("t1", ("db", 2))], 10)
    place.advance(8)
    coordinator.prolong([("db", "t0"), ("never", "t0")], 10)
    place.advance(8)

    coordinator.prolong([("db", "t1")], 10)
    coordinator.prolong([], 10)

    assert elsewhere.admit([ask("t2", ("db", 2)), ask("t3", ("db", 2))], 10) == [0.0, inf]


def test_slots_are_given_back_by_the_batch(coordinator, elsewhere):
    coordinator.admit([ask("t0", ("db", 2), ("api", 1)), ask("t1", ("db", 2))], 10)

    coordinator.give_back([("db", "t0"), ("api", "t0"), ("db", "nobody")])
    coordinator.give_back([])

    answers = elsewhere.admit([ask("t2", ("db", 2), ("api", 1)), ask("t3", ("db", 2))], 10)
    assert answers == [0.0, inf]


def test_names_of_any_length_are_told_apart(coordinator):
    long = "k" * 300
    budgets = [Budget(long + end, 1.0, 1) for end in "ab"]

    asks = [
        ask(long + end, (long + end, 1), budget=b) for end, b in zip("ab", budgets, strict=True)
    ]

    assert coordinator.admit(asks, 10) == [0.0, 0.0]
    assert coordinator.admit([ask("x", (long + "a", 1))], 10) == [inf]


def test_many_at_once_are_admitted_within_the_limits(place):
    coordinators = [place.coordinator() for _ in range(8)]
    asks = [[ask(f"{n}-{k}", ("db", 5), budget=MAIL) for k in range(2)] for n in range(8)]

    answers = at_once(
        [partial(one.admit, some, 10) for one, some in zip(coordinators, asks, strict=True)]
    )

    assert sum(waits.count(0.0) for waits in answers) == MAIL.burst
