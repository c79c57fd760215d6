"""Elections in Celery's rules."""

from __future__ import annotations

import pytest

from celeriac.domain.cluster.election import PATIENCE, Candidate, Elections, candidate_in, standing


def standing_for(clock, name, action="act"):
    return Candidate(clock, name, "task", action)


def held(*candidates):
    elections = Elections()
    elections.begin("e", 0.0)
    for candidate in candidates:
        elections.stand("e", candidate, 0.0)
    return elections


def test_the_candidate_of_the_lowest_clock_wins_once_all_others_have_acknowledged():
    elections = held(standing_for(7, "b@h.2"), standing_for(5, "c@h.3"))

    first = elections.acknowledge("e", others=2)
    second = elections.acknowledge("e", others=2)

    assert (first, second) == (None, standing_for(5, "c@h.3"))


def test_names_decide_between_equal_clocks_whatever_the_action_is():
    elections = held(standing_for(5, "b@h.2", {"any": 1}), standing_for(5, "a@h.9", ["other"]))

    assert elections.acknowledge("e", others=1).name == "a@h.9"


def test_an_election_is_won_once():
    elections = held(standing_for(5, "a@h.1"))
    elections.acknowledge("e", others=1)

    assert elections.acknowledge("e", others=1) is None


def test_a_node_that_was_not_asked_decides_nothing():
    elections = Elections()
    elections.stand("e", standing_for(5, "a@h.1"), 0.0)

    assert elections.acknowledge("e", others=0) is None


def test_who_stood_before_this_node_was_asked_is_not_forgotten():
    elections = Elections()
    elections.stand("e", standing_for(5, "a@h.1"), 0.0)
    elections.begin("e", 0.1)
    elections.stand("e", standing_for(9, "b@h.2"), 0.2)

    assert elections.acknowledge("e", others=1).name == "a@h.1"


def test_what_nobody_could_decide_is_forgotten():
    elections = held(standing_for(5, "a@h.1"))

    early, late = elections.give_up(PATIENCE - 0.1), elections.give_up(PATIENCE)

    assert (list(early), list(late), elections.ballots) == ([], ["e"], {})


def test_a_candidate_is_read_as_it_was_written():
    event = {**standing("e", "task", {"task": "t"}), "clock": 5, "hostname": "a@h", "pid": 3}

    assert candidate_in(event) == ("e", Candidate(5, "a@h.3", "task", {"task": "t"}))
    assert event["cver"] == 1


@pytest.mark.parametrize("lacking", ["id", "clock", "topic"])
def test_who_says_too_little_is_no_candidate(lacking):
    event = {**standing("e", "task", None), "clock": 5, "hostname": "a@h", "pid": 3}

    del event[lacking]

    assert candidate_in(event) is None
