"""What every ledger of started tasks promises: entries under leases, each with one owner."""

from __future__ import annotations

from functools import partial

import pytest

from celeriac.ports.ledger import Found, Started

from .samples import at_once

PORT = "ledger"
QUEUES = ("jobs", "mail")


@pytest.fixture
def ledger(place):
    return place.ledger()


@pytest.fixture
def elsewhere(place):
    """Another process's ledger over the same store."""
    return place.ledger()


def whole(key, queue="jobs", task_id=None, **fields):
    """An entry that is all there is of its message."""
    task_id = f"id-{key}" if task_id is None else task_id
    return Started(key, task_id, queue, raw=b"\x00\xff {message}", **fields)


def late(key, task_id="t", **fields):
    """An entry whose message is still with its broker."""
    return Started(key, task_id, "jobs", **fields)


def lapse(place):
    place.advance(11)


def test_owners_have_numbers_of_their_own(ledger, elsewhere):
    numbers = [one.join("w@host", 10) for one in (ledger, elsewhere, ledger)]

    assert len(set(numbers)) == 3


def test_a_lease_is_renewed_until_it_has_run_out(place, ledger):
    owner = ledger.join("w@host", 10)

    for _ in range(3):
        place.advance(8)
        assert ledger.renew(owner) is True
    lapse(place)

    assert ledger.renew(owner) is False
    assert ledger.renew(owner) is False
    assert ledger.renew(987_654) is False


def test_an_entry_is_struck_once_by_its_owner(ledger, elsewhere):
    owner, other = ledger.join("w@host", 10), elsewhere.join("x@host", 10)
    assert ledger.note(owner, [whole("a"), late("b")]) is True

    assert elsewhere.strike(other, ["a"]) == [False]
    assert ledger.strike(owner, ["b", "a", "never"]) == [True, True, False]
    assert ledger.strike(owner, ["a"]) == [False]
    assert ledger.strike(owner, []) == []


def test_noting_an_entry_again_changes_nothing(ledger):
    owner = ledger.join("w@host", 10)

    assert ledger.note(owner, [whole("a")]) is True
    assert ledger.note(owner, [whole("a"), whole("b")]) is True
    assert ledger.note(owner, []) is True

    assert ledger.strike(owner, ["a", "b"]) == [True, True]


def test_nothing_is_noted_under_a_lease_that_ran_out(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    lapse(place)

    assert ledger.note(owner, [whole("a")]) is False

    heir = elsewhere.join("x@host", 10)
    assert elsewhere.adopt(heir, QUEUES, 10) == []


def test_whole_messages_of_the_dead_are_adopted(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [whole("a", crashes=2), late("b"), whole("c", queue="mail")])
    heir = elsewhere.join("x@host", 30)
    assert elsewhere.adopt(heir, QUEUES, 10) == []

    lapse(place)

    found = elsewhere.adopt(heir, QUEUES, 10)
    assert sorted(found, key=lambda one: one.entry.key) == [
        Found(whole("a", crashes=2), "w@host", alive=False),
        Found(whole("c", queue="mail"), "w@host", alive=False),
    ]
    assert elsewhere.adopt(heir, QUEUES, 10) == []
    assert ledger.strike(owner, ["a"]) == [False]
    assert elsewhere.strike(heir, ["a", "c"]) == [True, True]


def test_only_the_queues_asked_for_are_adopted_and_no_more_than_the_limit(place, ledger):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [whole(f"j{n}") for n in range(5)] + [whole("m", queue="mail")])
    lapse(place)
    heir = ledger.join("x@host", 10)

    assert len(ledger.adopt(heir, ["jobs"], 3)) == 3
    assert len(ledger.adopt(heir, ["jobs"], 3)) == 2
    assert ledger.adopt(heir, [], 3) == []
    assert [one.entry.key for one in ledger.adopt(heir, ["mail"], 3)] == ["m"]


def test_what_was_adopted_is_adopted_again_from_a_dead_heir(place, ledger):
    first = ledger.join("w@host", 10)
    ledger.note(first, [whole("a")])
    lapse(place)
    second = ledger.join("x@host", 10)
    ledger.adopt(second, QUEUES, 10)
    lapse(place)
    third = ledger.join("y@host", 10)

    (found,) = ledger.adopt(third, QUEUES, 10)

    assert (found.entry, found.node) == (whole("a"), "x@host")


def test_nobody_adopts_under_a_lease_that_ran_out(place, ledger):
    owner, heir = ledger.join("w@host", 10), ledger.join("x@host", 10)
    ledger.note(owner, [whole("a"), late("b", "t")])
    lapse(place)

    assert ledger.adopt(heir, QUEUES, 10) == []
    assert ledger.inquire(heir, ["t"]) == []


def test_who_started_a_task_is_told_while_it_lives(ledger, elsewhere):
    owner, other = ledger.join("w@host", 10), elsewhere.join("x@host", 10)
    ledger.note(owner, [late("a", "t", crashes=1)])

    expected = [Found(late("a", "t", crashes=1), "w@host", alive=True)]
    assert elsewhere.inquire(other, ["t", "unheard"]) == expected
    assert elsewhere.inquire(other, ["t"]) == expected
    assert ledger.inquire(owner, ["t"]) == []
    assert ledger.strike(owner, ["a"]) == [True]
    assert elsewhere.inquire(other, ["t"]) == []


def test_what_the_dead_had_started_is_taken_over_by_whoever_asks(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [late("a", "t")])
    lapse(place)
    heir, other = elsewhere.join("x@host", 10), ledger.join("y@host", 10)

    assert elsewhere.inquire(heir, ["t"]) == [Found(late("a", "t"), "w@host", alive=False)]

    assert elsewhere.inquire(heir, ["t"]) == []
    assert ledger.inquire(other, ["t"]) == [Found(late("a", "t"), "x@host", alive=True)]
    assert elsewhere.strike(heir, ["a"]) == [True]


def test_what_the_dead_had_started_is_shown_to_whoever_does_not_take_it(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [late("a", "t")])
    lapse(place)
    heir = elsewhere.join("x@host", 10)

    expected = [Found(late("a", "t"), "w@host", alive=False)]
    assert elsewhere.inquire(heir, ["t"], take=False) == expected
    assert elsewhere.inquire(heir, ["t"]) == expected

    assert elsewhere.strike(heir, ["a"]) == [True]


def test_who_runs_a_whole_message_is_told_and_it_is_not_taken_over(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [whole("a", crashes=1)])
    other = elsewhere.join("x@host", 30)
    assert elsewhere.inquire(other, ["id-a"]) == [
        Found(whole("a", crashes=1), "w@host", alive=True)
    ]

    lapse(place)

    for _ in range(2):
        assert elsewhere.inquire(other, ["id-a"]) == [
            Found(whole("a", crashes=1), "w@host", alive=False)
        ]
    assert elsewhere.strike(other, ["a"]) == [False]
    assert [one.entry.key for one in elsewhere.adopt(other, QUEUES, 10)] == ["a"]


def test_a_whole_message_is_found_with_its_heir_until_that_strikes_it(place, ledger, elsewhere):
    owner = ledger.join("w@host", 10)
    ledger.note(owner, [whole("a")])
    lapse(place)
    heir, other = ledger.join("x@host", 10), elsewhere.join("y@host", 10)

    ledger.adopt(heir, QUEUES, 10)

    assert ledger.inquire(heir, ["id-a"]) == []
    assert elsewhere.inquire(other, ["id-a"]) == [Found(whole("a"), "x@host", alive=True)]
    assert ledger.strike(heir, ["a"]) == [True]
    assert elsewhere.inquire(other, ["id-a"]) == []


def test_the_last_of_several_entries_is_found_whatever_becomes_of_those_before(place, ledger):
    owner, other = ledger.join("w@host", 10), ledger.join("x@host", 30)
    ledger.note(owner, [whole("a", task_id="t"), whole("b", task_id="u")])
    ledger.note(owner, [late("end-a", "t"), late("end-b", "u")])

    assert ledger.strike(owner, ["a"]) == [True]
    assert found_keys(ledger, other, "t") == {"end-a"}

    lapse(place)
    assert [one.entry.key for one in ledger.adopt(other, QUEUES, 10)] == ["b"]
    assert "end-b" in found_keys(ledger, other, "u")
    assert found_keys(ledger, other, "t") == {"end-a"}


def found_keys(ledger, owner, task_id):
    return {one.entry.key for one in ledger.inquire(owner, [task_id], take=False)}


def test_an_entry_under_no_task_is_found_by_nobody(place, ledger):
    owner, other = ledger.join("w@host", 10), ledger.join("x@host", 30)
    ledger.note(owner, [whole("a", task_id=""), whole("b", task_id="")])

    assert ledger.inquire(other, [""]) == []
    assert ledger.inquire(other, []) == []
    assert ledger.strike(owner, ["b"]) == [True]
    lapse(place)
    assert [one.entry.key for one in ledger.adopt(other, QUEUES, 10)] == ["a"]


def test_whoever_leaves_is_forgotten_with_its_entries(place, ledger):
    owner, heir = ledger.join("w@host", 10), ledger.join("x@host", 30)
    ledger.note(owner, [whole("a"), late("b", "t")])

    ledger.leave(owner)
    ledger.leave(owner)
    lapse(place)

    assert ledger.adopt(heir, QUEUES, 10) == []
    assert ledger.inquire(heir, ["t"]) == []
    assert ledger.renew(owner) is False


def test_each_entry_is_adopted_by_exactly_one_of_many(place):
    dead = place.ledger()
    owner = dead.join("w@host", 10)
    dead.note(owner, [whole(f"k{n:02}") for n in range(40)])
    lapse(place)
    heirs = [(one := place.ledger(), one.join(f"x{n}@host", 30)) for n in range(6)]

    adopted = at_once([partial(one.adopt, number, QUEUES, 100) for one, number in heirs])

    keys = sorted(found.entry.key for batch in adopted for found in batch)
    assert keys == [f"k{n:02}" for n in range(40)]
