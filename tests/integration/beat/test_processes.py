"""Beats in processes of their own on one SQLite file, killed in the middle of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest

from celeriac.domain.errors import BrokerUnavailable

from .actor import make_app

#: Seconds; short, so that a takeover does not take long, and long enough for a busy machine.
LEASE = 3.0
EVERY = 0.2
#: Seconds that a busy machine may take for what needs none.
SLACK = 1.5


class Shop:
    """The store that beats share, and the processes of a test."""

    def __init__(self, folder):
        self.url = f"sqlite:///{folder}/shop.sqlite3"
        self.app = make_app(self.url)
        self.processes = {}

    def begin(self, *words):
        beat = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.beat.actor", self.url, *map(str, words)],
            cwd=Path(__file__).parents[3],
        )
        self.processes[beat.pid] = beat
        return beat

    def messages(self):
        return self.app.broker.peek("celery", 10_000)

    def dues(self):
        return [due_of(message) for message in self.messages()]

    def leader(self):
        """The process that leads now, if any."""
        grant = self.app.container.coordinator().holder("celeriac.beat.shop")
        return None if grant is None else self.processes.get(int(grant.holder.split("/")[1]))

    def last_run(self):
        (run,) = self.app.container.schedule_store().last_runs()
        return run

    def pause(self, process):
        """Stop a process at a moment when it does not hold the lock of SQLite's one writer."""
        coordinator = self.app.container.coordinator()
        while True:
            process.send_signal(signal.SIGSTOP)
            try:
                assert coordinator.acquire("a test's", "test", ttl=60)
                return
            except BrokerUnavailable:
                process.send_signal(signal.SIGCONT)

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        container = self.app.container
        container.coordinator().close()
        container.schedule_store().close()
        self.app.close()


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    shop.end()


def due_of(message):
    return datetime.fromisoformat(message.headers["celeriac_beat_due"])


def until(condition, seconds=20):
    """Wait for a condition; return what it returned."""
    ends = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < ends, f"not within {seconds} s"
        sleep(0.02)
    return found


def test_when_the_leader_is_killed_another_goes_on_within_the_lease(shop):
    for _ in range(2):
        shop.begin(LEASE, EVERY)
    until(lambda: len(shop.messages()) >= 10)
    leader = shop.leader()

    leader.send_signal(signal.SIGKILL)
    leader.wait()
    before = len(shop.messages())
    until(lambda: len(shop.messages()) >= before + 10)

    survivor = shop.leader()
    dues = shop.dues()
    assert survivor not in (None, leader)
    assert max((later - due).total_seconds() for due, later in pairwise(dues)) <= LEASE + SLACK
    # Killed between publishing and remembering, one tick is sent again; then as the same task.
    ids = Counter(message.id for message in shop.messages())
    assert len(ids) == len(set(dues))
    assert len(dues) - len(ids) <= 1


def test_two_living_beats_send_no_tick_twice(shop):
    for _ in range(2):
        shop.begin(LEASE, EVERY)

    until(lambda: len(shop.messages()) >= 15)

    dues = shop.dues()
    assert len(set(dues)) == len(dues)
    assert dues == sorted(dues)


def test_a_tick_claimed_by_a_beat_that_was_killed_is_sent_by_the_next(shop):
    dead = shop.begin(LEASE, EVERY, "before")
    assert dead.wait(timeout=20) == -signal.SIGKILL
    owed = shop.last_run()
    assert (owed.published, shop.messages()) == (False, [])

    shop.begin(LEASE, EVERY)
    until(lambda: len(shop.messages()) >= 3)

    dues = shop.dues()
    assert dues[0] == owed.due
    assert len(set(dues)) == len(dues)


def test_a_tick_sent_again_since_its_beat_was_killed_too_early_is_the_same_task(shop):
    dead = shop.begin(LEASE, EVERY, "after")
    assert dead.wait(timeout=20) == -signal.SIGKILL
    (sent,) = shop.messages()

    shop.begin(LEASE, EVERY)
    until(lambda: len(shop.messages()) >= 4)

    again, following = shop.messages()[1:3]
    assert (again.id, due_of(again)) == (sent.id, due_of(sent))
    assert following.id != sent.id


def test_sigterm_ends_a_beat_at_once_and_another_follows_without_waiting_for_the_lease(shop):
    first = shop.begin(60, EVERY)
    until(lambda: shop.leader() is first)

    first.send_signal(signal.SIGTERM)

    # Its lease of a minute would outlast the patience of both waits.
    assert first.wait(timeout=20) == 0
    second = shop.begin(60, EVERY)
    until(lambda: shop.leader() is second)


def test_a_beat_that_was_stopped_for_long_stands_by_when_it_goes_on(shop):
    first = shop.begin(LEASE, EVERY)
    until(lambda: shop.leader() is first)
    shop.pause(first)
    second = shop.begin(LEASE, EVERY)
    until(lambda: shop.leader() is second)
    before = len(shop.messages())

    first.send_signal(signal.SIGCONT)
    until(lambda: len(shop.messages()) >= before + 10)

    dues = shop.dues()
    assert shop.leader() is second
    assert len({message.id for message in shop.messages()}) == len(set(dues))
    assert len(dues) - len(set(dues)) <= 1
