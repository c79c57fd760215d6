"""What a worker's signs of life come to."""

import pytest

from celeriac.domain.work.health import Signs, why_not_alive, why_not_ready


def well(**otherwise: object) -> Signs:
    facts = {"hub_age": 0.5, "poll_age": 3.0, "lease": 15.0, "lease_age": 4.0, "slots": 2}
    return Signs(**{**facts, **otherwise})  # type: ignore[arg-type]


def test_a_worker_that_does_its_rounds_is_alive_and_ready():
    assert why_not_alive(well()) == []
    assert why_not_ready(well()) == []


def test_a_worker_all_of_whose_slots_are_taken_polls_nothing_and_is_ready():
    assert why_not_ready(well(poll_age=3600.0, running=2, held=10)) == []


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (Signs(), "it has not started yet"),
        (well(stopping=True), "it is stopping"),
        (well(broker_away=True), "the broker is away"),
        (well(poll_waits=12.0), "the broker has not answered for 12 s"),
        (well(lease_lost=True), "the lease is lost"),
        (well(lease_age=16.0), "the lease was last renewed 16 s ago"),
    ],
)
def test_a_worker_that_takes_no_work_lives_all_the_same(signs: Signs, reason: str):
    assert why_not_ready(signs) == [reason]
    assert why_not_alive(signs) == []


def test_a_hub_that_does_no_rounds_is_dead():
    assert why_not_alive(well(hub_age=130.0)) == ["the hub has done no round for 130 s"]
    assert why_not_ready(well(hub_age=130.0)) == ["the hub has done no round for 130 s"]
