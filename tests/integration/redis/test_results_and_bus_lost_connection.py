"""Watchers and listeners on Redis go on after their connections were cut; the server stays away."""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from threading import Event, Thread
from time import monotonic

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.bus import RedisBus
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.cluster.speech import BusMessage, Topic
from celeriac.domain.errors import BackendUnavailable, BrokerUnavailable
from tests.contracts.samples import record, said
from tests.servers.processes import free_port

from .places import empty_place  # noqa: F401 - a fixture

pytestmark = pytest.mark.needs_server("redis")


#: A message that is no JSON, in an envelope that is.
FOREIGN = {
    "body": "gASVBgAAAAAAAABdlC4=",
    "content-type": "application/x-python-serialize",
    "content-encoding": "binary",
    "headers": {},
    "properties": {
        "body_encoding": "base64",
        "delivery_info": {"exchange": "news", "routing_key": ""},
    },
}


def cut_subscriptions(place):
    """Close the connections of subscribers to our keys' channels, as a network would."""
    ours = [
        client["id"]
        for client in place.client.client_list(_type="pubsub")
        if client["db"] == str(place.client.connection_pool.connection_kwargs["db"])
    ]
    for number in ours:
        place.client.client_kill_filter(_id=number)
    return len(ours)


def subscribed(place, channel):
    """Wait until somebody listens to a channel."""
    end = monotonic() + 20
    while monotonic() < end:
        if dict(place.client.pubsub_numsub(channel))[channel.encode()]:
            return
    raise AssertionError(f"nobody listens to {channel}")


def test_a_watch_sees_what_was_stored_while_its_connection_was_cut(place):
    watcher, worker = place.results(host_time=True), place.results(host_time=True)
    seen = []

    def watch():
        end = monotonic() + 30
        while not seen and monotonic() < end:
            try:
                seen.extend(watcher.watch(["a"], wait=30))
            except BackendUnavailable:
                continue

    watching = Thread(target=watch)
    began = monotonic()
    watching.start()
    subscribed(place, watcher.task_key("a"))

    cut = cut_subscriptions(place)
    worker.store([record("a")])
    watching.join(timeout=30)

    assert cut >= 1
    assert [one.task_id for one in seen] == ["a"]
    assert monotonic() - began < 10


def test_a_listener_hears_what_is_said_after_its_connection_was_cut(place):
    speaker, caught, told = place.bus(host_time=True), [], Event()

    def listen(ear):
        end = monotonic() + 30
        while not caught and monotonic() < end:
            try:
                caught.extend(ear.receive(wait=1))
            except BrokerUnavailable:
                told.set()

    with closing(place.bus(host_time=True).subscribe([Topic("news")])) as ear:
        listening = Thread(target=listen, args=(ear,))
        listening.start()
        cut = cut_subscriptions(place)
        # At most once: what is said before it is back is lost, so it is said until it is heard.
        while listening.is_alive():
            speaker.broadcast(said("news", {"n": 1}))
            listening.join(timeout=0.1)

    assert cut >= 1
    assert caught[0] == BusMessage("news", {"n": 1})
    assert told.is_set()


def test_many_watchers_share_one_connection(place):
    watcher, worker = place.results(host_time=True), place.results(host_time=True)
    seen = []
    watching = [
        Thread(target=lambda name=f"t{number}": seen.extend(watcher.watch([name], wait=30)))
        for number in range(8)
    ]
    for thread in watching:
        thread.start()
    for number in range(8):
        subscribed(place, watcher.task_key(f"t{number}"))

    subscribers = place.client.client_list(_type="pubsub")
    worker.store([record(f"t{number}") for number in range(8)])
    for thread in watching:
        thread.join(timeout=30)

    # The eight, and the channel by which the one thread is woken.
    assert [client["sub"] for client in subscribers].count("9") == 1
    assert sorted(one.task_id for one in seen) == [f"t{number}" for number in range(8)]


def test_closing_ends_the_thread(place):
    results = place.results(host_time=True)
    results.watch(["a"], wait=1.0)
    assert [thread for thread in threading.enumerate() if thread.name == "celeriac-feed"]

    results.close()

    assert [thread for thread in threading.enumerate() if thread.name == "celeriac-feed"] == []


# The child does nothing but watch, and leaves at once.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_watches_by_a_connection_of_its_own(place):
    watcher, worker = place.results(host_time=True), place.results(host_time=True)
    watcher.watch(["a"], wait=0.01)

    child = os.fork()
    if child == 0:
        seen = watcher.watch(["a"], wait=20)
        os._exit(0 if [one.task_id for one in seen] == ["a"] else 1)
    subscribed(place, watcher.task_key("a"))
    worker.store([record("a")])
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [one.task_id for one in watcher.watch(["a"], wait=20)] == ["a"]


def test_a_server_that_is_away_is_told_within_its_time(place):
    url = f"redis://127.0.0.1:{free_port()}/1"
    store = RedisStore(url, clock=SystemClock(), timeout=1.0)
    began = monotonic()

    with closing(RedisResults(store)) as results:
        with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1"):
            results.fetch(["a"])
        with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1"):
            results.watch(["a"], wait=1)
    with closing(RedisBus(store)) as bus:
        with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1"):
            bus.subscribe([Topic("news")])
        with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1"):
            bus.broadcast(said("news", {}))

    assert monotonic() - began < 10


def test_what_strangers_say_on_our_channels_is_passed_over(place):
    bus = place.bus(host_time=True)
    with closing(bus.subscribe([Topic("news")])) as ear:
        channel = f"{place.prefix}/{bus.store.database}.news"

        for garbage in (b"\xff", b"[1]", b"{", b"5", b"{}", json.dumps(FOREIGN).encode()):
            place.client.publish(channel, garbage)
        bus.broadcast(said("news", {"n": 1}))

        assert ear.receive(0) == said("news", {"n": 1})
