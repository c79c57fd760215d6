"""The feed of a process notices a server that says nothing any more."""

from __future__ import annotations

import queue
from contextlib import closing

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.feed import Feed
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import BrokerUnavailable


class Line:
    """A subscription of redis-py's whose server confirms, and answers pings if it is `alive`."""

    def __init__(self, alive):
        self.alive = alive
        self.said = queue.SimpleQueue()
        self.pings = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def subscribe(self, *channels):
        for channel in channels:
            self.said.put({"type": "subscribe", "channel": channel.encode(), "data": 1})

    def ping(self):
        self.pings += 1
        if self.alive:
            self.said.put({"type": "pong", "channel": None, "data": b""})

    def get_message(self, timeout):
        try:
            # A hundred times as fast as a real one.
            return self.said.get(timeout=timeout / 100)
        except queue.Empty:
            return None


class Lines:
    """Stands for a redis-py client; hands out the lines given, the last one again and again."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.handed_out = 0

    def pubsub(self):
        self.handed_out += 1
        return self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]

    def publish(self, channel, word):
        self.lines[0].said.put(
            {"type": "message", "channel": channel.encode(), "data": str(word).encode()}
        )


@pytest.fixture
def store():
    return RedisStore("redis://nowhere:1/0", clock=VirtualClock())


def feed_on(store, *lines):
    client = Lines(*lines)
    store.subscriber = lambda timeout=None: client
    store.do = lambda work, **options: work(client)
    return Feed(store, BrokerUnavailable), client


def test_a_server_that_answers_nothing_is_told_to_who_listens_and_left(store):
    feed, client = feed_on(store, Line(alive=False), Line(alive=True))
    with closing(feed):
        ear = feed.listen(["news"])

        with pytest.raises(BrokerUnavailable, match="nothing was heard"):
            feed.wait(ear, 20)

        # On the next line it is confirmed anew, and that something may have been missed is told.
        assert _wait_until_heard(feed, ear) == ()
    assert client.handed_out == 2


def test_a_quiet_server_that_answers_pings_is_kept(store):
    line = Line(alive=True)
    feed, client = feed_on(store, line)
    with closing(feed):
        ear = feed.listen(["news"])

        assert feed.wait(ear, 0.5) == ()

    assert line.pings > 2
    assert client.handed_out == 1


def _wait_until_heard(feed, ear):
    while True:
        try:
            return feed.wait(ear, 20)
        except BrokerUnavailable:
            continue
