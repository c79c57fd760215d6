"""The bus on a database server goes on after its connections were cut."""

from __future__ import annotations

from contextlib import closing
from threading import Event, Thread
from time import monotonic

from sqlalchemy import text

from celeriac.domain.cluster.speech import Topic
from celeriac.domain.errors import BrokerUnavailable
from tests.contracts.samples import said

from .places import ON_EACH_SERVER, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_SERVER

OURS = {
    "postgresql": "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'celeriac'",
    "mysql": "SELECT id FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}
CUT = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


def cut_connections(place, dialect):
    with place.transaction() as connection:
        ours = connection.execute(text(OURS[dialect])).scalars().all()
        for number in ours:
            connection.execute(text(CUT[dialect].format(number)))
    return len(ours)


def test_a_blocked_listener_hears_what_is_said_after_its_connection_was_cut(place):
    speaker = place.bus(host_time=True)
    dialect, waits, caught = speaker.store.dialect, Event(), []

    def listen(ear):
        end = monotonic() + 30
        while not caught and monotonic() < end:
            waits.set()
            try:
                caught.extend(ear.receive(wait=30))
            except BrokerUnavailable:
                continue

    with closing(place.bus(host_time=True).subscribe([Topic("news")])) as ear:
        listening = Thread(target=listen, args=(ear,))
        listening.start()
        assert waits.wait(timeout=20)
        speaker.broadcast(said("gossip", {}))
        cut = cut_connections(place, dialect)
        speaker.broadcast(said("news", {"n": 1}))
        listening.join(timeout=30)

    assert cut >= 2
    assert caught == said("news", {"n": 1})
