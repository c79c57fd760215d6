"""Histories that are told rather than drawn: what is promised, once each."""

import logging
from collections.abc import Iterator

import pytest

from .cluster import Cluster
from .invariants import states_of
from .node import LEASE, Node
from .scheduler import all_ticks


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(0, calm=True)


def send(cluster: Cluster, task: str, id_: str, **options: object) -> None:
    cluster.sends.publish([cluster.sends.message(task, (), {}, {"task_id": id_, **options})])


def link(id_: str) -> dict[str, object]:
    return {"task": "plain", "immutable": True, "options": {"task_id": id_}}


def begin(node: Node) -> None:
    """Let a worker claim what there is and begin one job."""
    node.turn(0.0)
    node.take_in()
    node.turn(0.0)
    node.step_pool()


def seconds_until_owned(cluster: Cluster, by: Node, tags: set[str]) -> float:
    """Let time pass until a worker owns deliveries; return how long that took."""
    began = cluster.clock.monotonic()
    while not all(f"{by.name} owns {tag}" in cluster.ledger.trace for tag in tags):
        cluster.pass_time(0.5)
        cluster.go_on(by)
        assert cluster.clock.monotonic() < began + 100
    return cluster.clock.monotonic() - began


def test_what_a_dead_worker_held_goes_on_within_its_lease_and_five_seconds(cluster: Cluster):
    dead, heir = cluster.nodes
    for number in range(1, 4):
        send(cluster, "long_late", f"id-{number}")
    begin(dead)
    cluster.bury(dead, "is killed")

    took = seconds_until_owned(cluster, heir, {"1", "2", "3"})
    cluster.let_workers_finish()

    assert took <= LEASE + 5
    assert states_of(cluster) == dict.fromkeys(("id-1", "id-2", "id-3"), "SUCCESS")
    assert cluster.ledger.begun["id-1", 0] == 2


def test_what_had_begun_and_may_not_be_repeated_is_a_failure_with_its_errback_called(
    cluster: Cluster,
):
    dead, _ = cluster.nodes
    send(cluster, "long", "id-1", link_error={"task": "errback", "options": {"task_id": "id-2"}})
    begin(dead)
    cluster.bury(dead, "is killed")

    cluster.let_workers_finish()

    assert states_of(cluster) == {"id-1": "FAILURE", "id-2": "SUCCESS"}
    assert cluster.ledger.begun["id-1", 0] == 1


def test_a_worker_that_comes_back_too_late_commits_nothing(cluster: Cluster):
    stale, heir = cluster.nodes
    send(cluster, "late", "id-1", chain=[link("id-2")])
    begin(stale)
    stale.paused_until = 60.0
    seconds_until_owned(cluster, heir, {"1"})
    cluster.go_on(heir)

    stale.step_pool()
    stale.turn(0.0)
    cluster.let_workers_finish()

    assert f"{stale.name} may not commit 1" in cluster.ledger.trace
    assert cluster.ledger.begun["id-1", 0] == 2
    assert cluster.ledger.accepted["id-2", 0] == 1
    assert states_of(cluster) == {"id-1": "SUCCESS", "id-2": "SUCCESS"}


def test_a_worker_that_is_stopped_gives_back_what_waits_at_once(cluster: Cluster):
    leaving, heir = cluster.nodes
    for number in range(1, 7):
        send(cluster, "long", f"id-{number}")
    begin(leaving)
    begun = cluster.ledger.begun.total()
    slots = leaving.core.running

    leaving.stop()
    cluster.turn(leaving)
    took = seconds_until_owned(cluster, heir, {str(tag) for tag in range(slots + 1, 7)})
    cluster.let_workers_finish()

    assert begun == 1
    assert took <= 1.0
    assert cluster.ledger.begun.total() == 6


def test_a_worker_that_cannot_settle_before_it_leaves_gives_nothing_back_that_had_begun():
    cluster = Cluster(0, calm=True, is_one=False)
    leaving, heir = cluster.nodes
    send(cluster, "plain", "id-1")
    begin(leaving)
    cluster.faults.cut_off.add(f"{leaving.name} (results)")
    leaving.step_pool()

    leaving.stop()
    while leaving in cluster.nodes:
        cluster.turn(leaving)
        cluster.pass_time(1.0)
    cluster.faults.cut_off.clear()
    cluster.let_workers_finish()

    assert cluster.nodes == [heir]
    assert cluster.ledger.begun["id-1", 0] == 1
    assert states_of(cluster) == {"id-1": "FAILURE"}


def test_a_beat_that_dies_is_followed_and_no_tick_is_lost_or_doubled(cluster: Cluster):
    for _ in range(60):
        cluster.clock.advance(1.0)
        if cluster.clock.monotonic() == 30:
            cluster.replace_beat(0)
        for beat in cluster.beats:
            beat.step()

    assert set(cluster.ledger.ticks) == all_ticks(cluster.clock.now())
    assert set(cluster.ledger.accepted.values()) == {1}


def test_what_keeps_killing_its_process_is_put_aside_after_three_times(cluster: Cluster):
    send(cluster, "poison", "id-1")

    cluster.let_workers_finish()

    assert cluster.ledger.begun["id-1", 0] == 3
    assert states_of(cluster) == {"id-1": "FAILURE"}
    (letter,) = cluster.client.dead("celery", 10)
    assert (letter.reason, letter.message and letter.message.id) == ("crashes", "id-1")
