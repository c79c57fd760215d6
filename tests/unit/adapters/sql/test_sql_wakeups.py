"""Waiting for changes: nothing announced after a mark is missed, and idle waiting is cheap."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic

import pytest

from celeriac.adapters.sql.wakeup import Listener, PolledWakeups, ToldWakeups

#: Seconds that are long enough to be noticed, and that no test waits for in full.
LONG = 30.0


def seconds(action):
    began = monotonic()
    action()
    return monotonic() - began


class Room(Listener):
    """Lets a test tell, cut the line, and see who listens."""

    def __init__(self):
        self.said = []
        self.changed = Event()
        self.listens = Event()
        self.begun = []
        self.closed = False

    def listen(self, topics, told, stopped):
        self.begun.append(set(topics))
        told(None)
        self.listens.set()
        while not stopped():
            self.changed.wait(LONG)
            self.changed.clear()
            if "cut" in self.said:
                self.said.clear()
                return
            if self.said:
                told([self.said.pop()])

    def interrupt(self):
        self.changed.set()

    def close(self):
        self.closed = True

    def say(self, topic):
        self.said.append(topic)
        self.changed.set()


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def told(room):
    told = ToldWakeups(room)
    yield told
    told.close()


def polled(**options):
    return PolledWakeups(options.pop("look", None), **({"fast": LONG, "slow": LONG} | options))


def test_what_is_announced_after_the_mark_is_not_waited_for():
    wakeups = polled()
    mark = wakeups.mark()

    wakeups.announce(["jobs"])

    assert seconds(lambda: wakeups.wait("jobs", mark, LONG)) < LONG / 3


def test_what_was_announced_before_the_mark_is_waited_past():
    wakeups = polled()
    wakeups.announce(["jobs"])

    mark = wakeups.mark()

    assert seconds(lambda: wakeups.wait("jobs", mark, 0.05)) >= 0.05


def test_another_topic_wakes_nobody():
    wakeups = polled()
    mark = wakeups.mark()

    wakeups.announce(["results"])

    assert seconds(lambda: wakeups.wait("jobs", mark, 0.05)) >= 0.05
    assert seconds(lambda: wakeups.wait("results", mark, LONG)) < LONG / 3


@pytest.mark.parametrize("look", [None, lambda: 1])
def test_an_announcement_wakes_all_who_wait(look):
    wakeups = polled(look=look)
    mark = wakeups.mark()
    waiting = [Thread(target=wakeups.wait, args=("jobs", mark, LONG)) for _ in range(4)]
    began = monotonic()

    for one in waiting:
        one.start()
    wakeups.announce(["jobs"])
    for one in waiting:
        one.join(timeout=LONG)

    assert monotonic() - began < LONG / 3


def test_a_change_that_is_seen_wakes_all_and_one_looks_for_all():
    versions = iter([1, 1, 1, 2, *[2] * 100_000])
    wakeups = polled(look=lambda: next(versions), fast=0.01, slow=0.01)
    wakeups.wait("jobs", wakeups.mark(), LONG)
    mark = wakeups.mark()
    waiting = [
        Thread(target=wakeups.wait, args=(topic, mark, LONG)) for topic in ("jobs", "results")
    ]
    began = monotonic()

    for one in waiting:
        one.start()
    for one in waiting:
        one.join(timeout=LONG)

    assert monotonic() - began < LONG / 3


def test_the_pace_slows_down_when_nothing_comes():
    looks = []
    wakeups = polled(look=lambda: len(looks) and looks.append(1), fast=0.001, slow=LONG)
    wakeups.warm()
    wakeups._warm_at -= 1000

    assert wakeups._pace() == pytest.approx(20, rel=0.1)
    wakeups.warm()
    assert wakeups._pace() == 0.001


def test_what_the_database_tells_wakes_who_waits_for_it(room, told):
    told.wait("jobs", told.mark(), 0.01)
    assert room.listens.wait(LONG)
    mark = told.mark()
    room.say("jobs")

    assert seconds(lambda: told.wait("jobs", mark, LONG)) < told.FALLBACK


def test_a_new_topic_is_listened_to_beside_the_others(room, told):
    told.wait("jobs", told.mark(), 0.01)
    assert room.listens.wait(LONG)
    room.listens.clear()

    told.wait("results", told.mark(), 0.01)

    assert room.listens.wait(LONG)
    assert room.begun[0] == {"jobs"}
    assert room.begun[-1] == {"jobs", "results"}


def test_a_cut_line_is_taken_up_again_and_all_look_once_more(room, told):
    told.wait("jobs", told.mark(), 0.01)
    assert room.listens.wait(LONG)
    room.listens.clear()
    mark = told.mark()

    room.say("cut")

    assert room.listens.wait(LONG)
    assert told.mark() > mark


def test_closing_ends_the_listener(room):
    told = ToldWakeups(room)
    told.wait("jobs", told.mark(), 0.01)
    assert room.listens.wait(LONG)

    told.close()
    told.close()

    assert room.closed
