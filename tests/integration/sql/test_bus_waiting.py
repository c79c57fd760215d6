"""Waiting on the bus costs next to nothing, and wakes across threads, processes and forks."""

from __future__ import annotations

import os
from contextlib import closing
from threading import Thread
from time import monotonic, thread_time

from celeriac.domain.cluster.speech import Topic
from tests.contracts.samples import said

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE


def test_an_idle_listener_costs_little(place):
    spent = []

    def listen(ear):
        list(ear.receive(wait=1))
        began, wall = thread_time(), monotonic()
        list(ear.receive(wait=2))
        spent.append((thread_time() - began) / (monotonic() - wall))

    with closing(place.bus(host_time=True).subscribe([Topic("news")])) as ear:
        listening = Thread(target=listen, args=(ear,))
        listening.start()
        listening.join(timeout=30)

    # Of one core. Still slowing down in the first seconds: idle for long it is less.
    assert spent[0] < 0.02


def test_many_ears_of_one_bus_hear_the_same_at_once(place):
    bus, speaker = place.bus(host_time=True), place.bus(host_time=True)
    ears = [bus.subscribe([Topic("news")]) for _ in range(5)]
    caught = []
    listening = [Thread(target=lambda ear=ear: caught.extend(ear.receive(wait=30))) for ear in ears]
    began = monotonic()

    for thread in listening:
        thread.start()
    speaker.broadcast(said("news", {"n": 1}))
    for thread in listening:
        thread.join(timeout=30)

    assert caught == said("news", {"n": 1}) * 5
    assert monotonic() - began < 10


def test_a_bus_works_on_in_a_forked_child(place):
    bus = place.bus(host_time=True)
    ear = bus.subscribe([Topic("from parent"), Topic("from child")])
    waiting = Thread(target=ear.receive, args=(30,))
    waiting.start()

    child = os.fork()
    if child == 0:
        try:
            own = bus.subscribe([Topic("from parent")])
            bus.broadcast(said("from child", {"pid": os.getpid()}))
            heard = list(own.receive(wait=20))
            os._exit(0 if heard == said("from parent", {"n": 1}) else 1)
        finally:
            os._exit(2)
    waiting.join(timeout=20)
    bus.broadcast(said("from parent", {"n": 1}))
    _, status = os.waitpid(child, 0)

    assert not waiting.is_alive()
    assert os.waitstatus_to_exitcode(status) == 0
