"""Several processes on one database, some of which die in the middle of something."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from celeriac.domain.messaging.delivery import Orphan

from .actor import JOBS, NEXT, message, settled
from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE


class Actors:
    """Processes of a test, all ended after it."""

    def __init__(self, url):
        self._url = url
        self._begun = []

    def begin(self, *words):
        actor = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.sql.actor", self._url, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        self._begun.append(actor)
        return actor

    def end(self):
        for actor in self._begun:
            actor.kill()
            actor.communicate()


@pytest.fixture
def actors(place):
    actors = Actors(place.url)
    yield actors
    actors.end()


def words_of(actor):
    """What it says until it ends or is killed, without a half-written last line."""
    said = actor.stdout.read()
    return said[: said.rfind("\n") + 1].split()


def publish(broker, count):
    sent = [message(f"m{number:04}") for number in range(count)]
    broker.publish(sent, deadline=20)
    return [one.id for one in sent]


def heir_of(place, *, lease=60):
    heir = place.broker(host_time=True)
    heir.enlist("heir@host", lease)
    return heir


def recovered(heir, expected, seconds=20):
    """Adopt until so many came."""
    end = monotonic() + seconds
    orphans: list[Orphan] = []
    while len(orphans) < expected and monotonic() < end:
        orphans += heir.recover([JOBS])
        heir.claim(["none"], 1, 0.1)
    return orphans


def test_many_processes_may_open_an_empty_database_at_once(place, actors):
    openers = [actors.begin("open") for _ in range(8)]
    for opener in openers:
        assert opener.stdout.readline() == "here\n"

    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()

    assert [words_of(opener) for opener in openers] == [["open"]] * 8
    assert [opener.wait(timeout=30) for opener in openers] == [0] * 8


def test_two_processes_share_the_work_and_nothing_is_done_twice(place, actors):
    sent = publish(place.broker(host_time=True), 2000)

    workers = [actors.begin("drain", 60, 20, 0.5) for _ in range(2)]

    done = [
        [word for word in words_of(worker) if word not in ("enlisted", "end")] for worker in workers
    ]
    assert sorted(done[0] + done[1]) == sent
    results = place.results(host_time=True)
    assert {one.state for one in results.fetch(sent)} == {"SUCCESS"}
    assert place.broker(host_time=True).depth([JOBS, NEXT]) == {JOBS: 0, NEXT: 2000}


def test_what_a_killed_process_held_is_adopted_after_its_lease(place, actors):
    sent = publish(place.broker(host_time=True), 30)
    holder = actors.begin("hold", 2, 20)
    held = holder.stdout.readline().split()
    assert len(held) == 20

    holder.send_signal(signal.SIGKILL)
    heir = heir_of(place)
    orphans = recovered(heir, 20)

    assert sorted(orphan.delivery.message.id for orphan in orphans) == held
    assert {orphan.started for orphan in orphans} == {False}
    rest = heir.claim([JOBS], 100, 0)
    assert sorted(held + [one.message.id for one in rest]) == sent


def test_what_a_publisher_was_confirmed_outlives_it(place, actors):
    publisher = actors.begin("publish", 5, 1_000_000)
    for _ in range(20):
        publisher.stdout.readline()

    publisher.send_signal(signal.SIGKILL)

    confirmed = set(words_of(publisher))
    heir = heir_of(place)
    stored = set()
    while claimed := heir.claim([JOBS], 5000, 0):
        stored |= {one.message.id for one in claimed}
    assert confirmed <= stored
    # A batch is there whole or not at all.
    assert len(stored) % 5 == 0


@pytest.mark.parametrize("lines", [1, 4, 9])
def test_a_worker_killed_anywhere_loses_nothing_and_repeats_no_settlement(place, actors, lines):
    sent = publish(place.broker(host_time=True), 400)
    worker = actors.begin("drain", 2, 7, 0.5)
    for _ in range(1 + lines):
        worker.stdout.readline()

    worker.send_signal(signal.SIGKILL)
    worker.wait(timeout=30)

    heir = heir_of(place)
    finished = place.broker(host_time=True).depth([NEXT])[NEXT]
    waiting = place.broker(host_time=True).depth([JOBS])[JOBS]
    orphans = recovered(heir, len(sent) - finished - waiting)
    rest = heir.claim([JOBS], 1000, 0)
    mine = [orphan.delivery for orphan in orphans] + list(rest)
    assert finished + len(mine) == len(sent)
    heirs = place.settler(heir, place.results(host_time=True))
    assert all(heirs.settle([settled(delivery) for delivery in mine]))
    afters = heir.claim([NEXT], 1000, 0)
    assert sorted(one.message.id for one in afters) == [f"after-{task_id}" for task_id in sent]


def test_a_fork_leaves_the_parents_connections_alone(place):
    broker = heir_of(place)
    publish(broker, 2)
    assert len(broker.claim([JOBS], 1, 0)) == 1

    child = os.fork()
    if child == 0:
        code = 1
        try:
            broker.publish([message("from the child")], deadline=20)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert broker.renew() is True
    assert [one.message.id for one in broker.claim([JOBS], 10, 0)] == ["m0001", "from the child"]
