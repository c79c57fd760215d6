"""Who may begin: what is given out stays within the limits, and who waits comes back in turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.admission import (
    KEY_HEADER,
    LONGEST_FOR_SLOT,
    NO_SLOT,
    SLOT_PAUSE,
    Ask,
    Budget,
    Lines,
    ask_of,
    budget_of,
    decide,
    used,
)
from tests.unit.domain.samples import delivered, message

NAMES = st.sampled_from(["db", "api", "disk"])
LIMITS = {"db": 1, "api": 2, "disk": 3}
BUDGETS = [None, Budget("mail", 2.0, 2), Budget("sms", 0.5, 1)]

asks = st.lists(
    st.builds(
        Ask,
        st.sampled_from([f"t{n}" for n in range(6)]),
        st.lists(NAMES, unique=True).map(lambda names: tuple((n, LIMITS[n]) for n in names)),
        st.sampled_from(BUDGETS),
    )
)
taken = st.dictionaries(NAMES, st.sets(st.sampled_from(["t0", "t1", "x", "y"]), max_size=1))
tokens = st.fixed_dictionaries({"mail": st.floats(0, 2), "sms": st.floats(0, 1)})


@given(asks, taken, tokens)
def test_nothing_is_given_out_beyond_the_limits(asked, taken, tokens):
    answers = decide(asked, taken, tokens)

    holders = {name: set(who) for name, who in taken.items()}
    for ask, answer in zip(asked, answers, strict=True):
        if answer == 0.0:
            for name, _ in ask.slots:
                holders.setdefault(name, set()).add(ask.holder)
    assert all(len(who) <= LIMITS[name] for name, who in holders.items())
    assert all(count <= tokens[name] + 0.001 for name, count in used(asked, answers).items())
    assert len(answers) == len(asked)


@given(asks, taken, tokens)
def test_nobody_is_refused_without_a_reason(asked, taken, tokens):
    answers = decide(asked, taken, tokens)

    for number, (ask, answer) in enumerate(zip(asked, answers, strict=True)):
        alone = decide([*asked[:number], Ask(ask.holder, ask.slots)], taken, tokens)[-1]
        if answer == NO_SLOT:
            assert alone == NO_SLOT
        elif answer:
            assert alone == 0.0
            assert ask.budget is not None


def test_those_without_a_token_wait_one_behind_the_other():
    budget = Budget("mail", 2.0, 2)

    answers = decide([Ask(f"t{n}", (), budget) for n in range(5)], {}, {"mail": 1.5})

    assert answers == [0.0, 0.25, 0.75, 1.25, 1.75]


@pytest.mark.parametrize(("rate", "burst"), [(100.0, 100), (0.1, 1), (2.5, 3)])
def test_a_budget_may_make_up_for_a_second(rate, burst):
    assert budget_of("shop.add", rate) == Budget("task:shop.add", rate, burst)


def test_a_task_without_shared_limits_asks_for_nothing():
    assert ask_of(delivered(message("id-1"), 1), TaskOptions("shop.add"), None) is None


def test_a_task_asks_for_a_slot_of_its_name_and_one_of_its_key():
    options = TaskOptions(
        "shop.add", max_concurrency=9, concurrency_key="x", max_concurrency_per_key=2
    )
    delivery = delivered(message("id-1", "shop.add", headers={KEY_HEADER: "north"}), 7)

    ask = ask_of(delivery, options, 0.5)

    assert ask.slots == (("task:shop.add", 9), ("task:shop.add:north", 2))
    assert ask.budget == Budget("task:shop.add", 0.5, 1)
    assert ask.holder == "id-1:7:1"


# -- coming back

DB = Ask("t", (("db", 2),))
MAIL = Ask("t", (), Budget("mail", 2.0, 1))


def test_those_without_a_slot_come_back_in_the_order_they_came():
    lines = Lines()

    waits = [lines.behind(DB, NO_SLOT, estimate=1.0, now=100.0) for _ in range(4)]

    assert waits == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_while_nothing_is_known_of_a_task_little_time_passes():
    assert Lines().behind(DB, NO_SLOT, estimate=None, now=100.0) == pytest.approx(SLOT_PAUSE)


def test_those_without_a_token_stand_behind_those_of_the_batch_before():
    lines = Lines()
    first = [lines.behind(MAIL, wait, None, now=100.0) for wait in (0.5, 1.0)]

    later = [lines.behind(MAIL, wait, None, now=100.2) for wait in (0.3, 0.8)]

    assert first == pytest.approx([0.5, 1.0])
    assert later == pytest.approx([1.3, 1.8])


def test_no_line_is_longer_than_it_may_be():
    lines = Lines()

    waits = [lines.behind(DB, NO_SLOT, estimate=7.0, now=0.0) for _ in range(9)]

    assert waits[-1] == LONGEST_FOR_SLOT
    assert lines.behind(MAIL, 3600.0, None, now=0.0) == 3600.0


def test_who_could_not_ask_comes_back_after_what_was_said():
    assert Lines().behind(DB, 1.0, None, now=0.0) == 1.0


@given(st.lists(st.tuples(NAMES, st.floats(0, 100), st.floats(0, 5), st.floats(0, 1)), max_size=50))
def test_nobody_comes_back_too_soon_nor_later_than_the_longest_line(places):
    lines, now = Lines(), 0.0

    for name, wait, step, passed in places:
        now += passed
        seconds = lines.place(name, wait, step, 10.0, now)
        assert wait - 1e-6 <= seconds <= max(wait, 10.0) + 1e-6


def test_lines_of_many_keys_are_forgotten_when_their_time_is_past():
    lines = Lines()
    for number in range(1500):
        lines.place(f"key {number}", 0.1, 0.1, 10.0, now=number)

    assert len(lines) < 1002
