"""What every result backend promises about chords."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from celeriac.domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from celeriac.domain.errors import NotSupported
from celeriac.domain.tasks.result_record import GroupRecord

from .samples import at_once, later, part, payload, require

PORT = "results"


@pytest.fixture
def results(place):
    """A result backend that can count."""
    backend = place.results()
    require(backend, "chords")
    return backend


def bare(parts):
    """Parts without their chord's size, which a store need not keep with each."""
    return [replace(one, size=None) for one in parts]


def due(counts):
    return [count.due for count in counts]


def test_parts_are_counted_until_all_are_in(results):
    counts = results.count_parts([part("a", 0, size=3), part("b", 1, size=3)])
    last = results.count_parts([part("c", 2, size=3)])

    assert counts == [ChordCount("g", 1, 3), ChordCount("g", 2, 3)]
    assert last == [ChordCount("g", 3, 3, due=True)]
    assert list(results.count_parts([])) == []


def test_a_part_counted_again_counts_once(results):
    results.count_parts([part("a")])

    again = results.count_parts([part("a"), part("a")])

    assert again == [ChordCount("g", 1, 2)] * 2


def test_a_chord_of_one_is_due_at_once(results):
    assert results.count_parts([part("a", size=1)]) == [ChordCount("g", 1, 1, due=True)]


def test_parts_of_several_chords_may_come_in_one_batch(results):
    counts = results.count_parts([part("a"), part("x", group="h", size=1), part("b", 1)])

    assert counts == [
        ChordCount("g", 1, 2),
        ChordCount("h", 1, 1, due=True),
        ChordCount("g", 2, 2, due=True),
    ]


def test_a_chord_is_due_again_until_it_is_closed(place, results):
    results.count_parts([part("a"), part("b", 1)])

    again = results.count_parts([part("b", 1)])
    elsewhere = place.results().count_parts([part("b", 1)])

    assert again == elsewhere == [ChordCount("g", 2, 2, due=True)]


def test_a_closed_chord_is_never_due_and_keeps_no_parts(place, results):
    results.count_parts([part("a"), part("b", 1)])

    results.close_chords(["g"])
    results.close_chords(["g"])

    for client in (results, place.results()):
        assert due(client.count_parts([part("b", 1), part("a"), part("new", 2)])) == [False] * 3
        assert client.fetch_parts("g") == []


def test_a_chord_may_be_closed_before_anything_of_it_is_counted(results):
    results.close_chords(["g", "h"])
    results.close_chords([])

    assert (
        due(results.count_parts([part("a", size=1), part("x", size=1, group="h")])) == [False] * 2
    )
    assert results.fetch_parts("g") == []


def test_only_the_chord_that_is_named_is_closed(results):
    results.count_parts([part("a"), part("x", group="h")])

    results.close_chords(["g"])

    assert results.fetch_parts("g") == []
    assert bare(results.fetch_parts("h")) == bare([part("x", group="h")])
    assert due(results.count_parts([part("y", 1, group="h")])) == [True]


# -- sizes


def test_an_opening_tells_the_size_where_parts_do_not(results):
    results.open_chords([ChordOpening("g", 2), ChordOpening("h", 1)])

    counts = results.count_parts(
        [part("a", size=None), part("b", 1, size=None), part("x", size=None, group="h")]
    )

    assert counts == [
        ChordCount("g", 1, 2),
        ChordCount("g", 2, 2, due=True),
        ChordCount("h", 1, 1, due=True),
    ]


def test_parts_of_a_chord_of_which_nobody_knows_the_size_are_counted_and_never_due(results):
    counts = results.count_parts([part("a", size=None), part("b", 1, size=None)])

    assert counts == [ChordCount("g", 1, None), ChordCount("g", 2, None)]
    assert results.fetch_parts("g") == [part("a", size=None), part("b", 1, size=None)]


def test_an_opening_may_come_after_the_parts(results):
    results.count_parts([part("a", size=None), part("b", 1, size=None)])

    results.open_chords([ChordOpening("g", 2)])

    assert due(results.count_parts([part("b", 1, size=None)])) == [True]


def test_opening_again_changes_nothing(results):
    results.open_chords([ChordOpening("g", 2)])
    results.count_parts([part("a", size=None)])

    results.open_chords([ChordOpening("g", 5)])
    results.open_chords([])

    assert results.count_parts([part("b", 1, size=9)]) == [ChordCount("g", 2, 2, due=True)]


def test_opening_a_closed_chord_again_does_not_bring_it_back(results):
    results.open_chords([ChordOpening("g", 1)])
    results.count_parts([part("a", size=None)])
    results.close_chords(["g"])

    results.open_chords([ChordOpening("g", 1)])

    assert due(results.count_parts([part("a", size=None)])) == [False]


@pytest.mark.parametrize("opened", [True, False])
def test_a_chord_that_grew_waits_for_the_parts_that_joined_it(results, opened):
    size = None if opened else 2
    if opened:
        results.open_chords([ChordOpening("g", 2)])
    results.count_parts([part("a", size=size)])

    results.grow_chords([ChordGrowth("g", 1, "c")])
    results.grow_chords([ChordGrowth("g", 2, "d")])
    results.grow_chords([])

    counts = results.count_parts([part(name, n, size=size) for n, name in enumerate("bcde", 1)])
    assert counts == [ChordCount("g", n, 5, due=n == 5) for n in (2, 3, 4, 5)]


def test_a_chord_may_grow_before_it_is_opened(results):
    results.grow_chords([ChordGrowth("g", 1, "b")])
    results.open_chords([ChordOpening("g", 1)])

    counts = results.count_parts([part("a", size=None), part("b", 1, size=None)])

    assert counts == [ChordCount("g", 1, 2), ChordCount("g", 2, 2, due=True)]


def test_a_growth_told_again_counts_once(place, results):
    growth = ChordGrowth("g", 2, "b")
    results.count_parts([part("a", size=2)])

    results.grow_chords([growth, growth])
    place.results().grow_chords([growth])

    counts = results.count_parts([part(name, n, size=2) for n, name in enumerate("bcd", 1)])
    assert counts == [ChordCount("g", n, 4, due=n == 4) for n in (2, 3, 4)]


def test_several_chords_may_grow_at_once_by_the_same_key(results):
    results.grow_chords([ChordGrowth("g", 1, "x"), ChordGrowth("h", 2, "x")])

    counts = results.count_parts([part("a", size=1), part("a", group="h", size=1)])

    assert counts == [ChordCount("g", 1, 2), ChordCount("h", 1, 3)]


def test_a_closed_chord_grows_no_more(results):
    results.close_chords(["g"])

    results.grow_chords([ChordGrowth("g", 1, "b")])

    assert due(results.count_parts([part("a", size=1), part("b", 1, size=1)])) == [False] * 2
    assert results.fetch_parts("g") == []


def test_a_forgotten_chord_has_not_grown(results):
    results.grow_chords([ChordGrowth("g", 1, "b")])

    results.forget_groups(["g"])

    assert results.count_parts([part("a", size=1)]) == [ChordCount("g", 1, 1, due=True)]


# -- several at once


def test_one_of_many_workers_is_told_though_each_counts_another_part(place):
    backends = [place.results() for _ in range(8)]
    require(backends[0], "chords")

    answers = at_once(
        [
            partial(backend.count_parts, [part(f"t{n}", n, size=8)])
            for n, backend in enumerate(backends)
        ]
    )

    assert sorted(count.counted for (count,) in answers) == list(range(1, 9))
    assert [count.counted for (count,) in answers if count.due] == [8]


def test_one_at_least_is_told_though_every_part_is_counted_twice(place):
    backends = [place.results() for _ in range(8)]
    require(backends[0], "chords")
    parts = [
        [part(f"t{n}", n, size=8), part(f"t{(n + 1) % 8}", (n + 1) % 8, size=8)] for n in range(8)
    ]

    answers = at_once(
        [partial(backend.count_parts, mine) for backend, mine in zip(backends, parts, strict=True)]
    )

    told = [count for counts in answers for count in counts if count.due]
    assert {count.counted for count in told} == {8}
    assert [one.task_id for one in backends[0].fetch_parts("g")] == [f"t{n}" for n in range(8)]


def test_two_that_count_the_last_parts_of_the_same_chords_do_not_wait_for_each_other(place):
    clients = [place.results() for _ in range(4)]
    require(clients[0], "chords")
    groups = [f"g{n}" for n in range(10)]
    batches = [
        [part(f"{group}-{n}", n, size=4, group=group) for group in (groups, groups[::-1])[n % 2]]
        for n in range(4)
    ]

    answers = at_once(
        [partial(one.count_parts, batch) for one, batch in zip(clients, batches, strict=True)]
    )

    told = [count.group_id for counts in answers for count in counts if count.due]
    assert sorted(told) == groups


# -- what is kept


def test_parts_are_fetched_in_the_order_of_their_index(place, results):
    failed = ChordPart("g", "b", 1, 4, "FAILURE", payload("what went wrong"))
    empty = ChordPart("g", "c", 12, 4, "SUCCESS", None)
    without = ChordPart("g", "d", None, 4, "SUCCESS", payload("last"))

    results.count_parts([without, empty, part("a", 0, size=4), failed])

    found = place.results().fetch_parts("g")
    assert bare(found) == bare([part("a", 0), failed, empty, without])
    assert results.fetch_parts("unheard") == []


def test_the_first_word_of_a_part_is_kept(results):
    results.count_parts([part("a", state="SUCCESS")])

    results.count_parts([part("a", state="FAILURE")])

    assert bare(results.fetch_parts("g")) == bare([part("a", state="SUCCESS")])


def test_thousands_of_parts_are_counted_and_fetched_at_once(results):
    names = [f"t{number:05}" for number in range(12_000)]

    counts = results.count_parts([part(name, n, size=12_000) for n, name in enumerate(names)])

    assert [count.counted for count in counts] == list(range(1, 12_001))
    assert [count.counted for count in counts if count.due] == [12_000]
    assert [one.task_id for one in results.fetch_parts("g")] == names


def test_a_forgotten_group_is_gone_with_what_was_counted(place, results):
    results.save_groups([GroupRecord(name, [], later(place, 0)) for name in ("g", "h")])
    results.count_parts([part("a"), part("b", 1), part("x", group="h")])
    results.close_chords(["g"])

    results.forget_groups(["g", "unheard"])

    assert [group and group.group_id for group in results.fetch_groups(["g", "h"])] == [None, "h"]
    assert bare(results.fetch_parts("h")) == bare([part("x", group="h")])
    assert results.count_parts([part("a")]) == [ChordCount("g", 1, 2)]


def test_a_backend_without_chords_refuses_to_count(place):
    backend = place.results()
    if backend.capabilities.chords:
        assert list(backend.count_parts([])) == []
    else:
        with pytest.raises(NotSupported):
            backend.count_parts([part("a")])
