"""Results that travel back, over a line in memory."""

import json
from datetime import UTC, datetime

import pytest

from celeriac.adapters.rpc.results import RpcResults
from celeriac.adapters.serializers.json import JsonSerializer
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.canvas.chords import ChordOpening
from celeriac.domain.errors import BackendUnavailable, BrokerUnavailable, NotSupported
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, GroupRecord, ResultRecord
from celeriac.ports.replies import Replies

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Line(Replies):
    """A line in memory; several of them may share the letters."""

    url = "memory://"

    def __init__(self, letters):
        self.letters, self.address, self.is_up = letters, "", True

    def open(self, address, expires):
        self.address = address

    def send(self, letters):
        if not self.is_up:
            raise BrokerUnavailable("away")
        self.letters += letters

    def receive(self, wait):
        if not self.is_up:
            raise BrokerUnavailable("away")
        mine = [one for one in self.letters if one.address == self.address]
        self.letters[:] = [one for one in self.letters if one.address != self.address]
        return [one.document for one in mine]

    def close(self):
        self.address = ""


@pytest.fixture
def make_backend():
    letters = []
    codec = SerializerCodec(lambda name: JsonSerializer(), "json", ["json"])

    def make(address="mine"):
        backend = RpcResults(Line(letters), codec, lambda: address)
        backend.letters = letters
        return backend

    return make


def done(task_id, reply_to="mine", state="SUCCESS", result=b"5"):
    return ResultRecord(task_id, state, Payload(result), date_done=NOON, reply_to=reply_to)


def test_a_result_reaches_who_sent_the_task_and_nobody_else(make_backend):
    client, stranger, worker = make_backend(), make_backend("other"), make_backend("worker")
    client.listen()

    worker.store([done("a")])

    assert stranger.fetch(["a"]) == [None]
    assert client.fetch(["a", "unheard"]) == [done("a"), None]
    assert client.watch(["a"], 0) == [done("a")]


def test_a_result_is_the_document_that_celery_sends(make_backend):
    worker = make_backend()

    worker.store([done("a")])

    (letter,) = worker.letters
    assert (letter.address, letter.about) == ("mine", "a")
    assert json.loads(letter.document.data) == {
        "status": "SUCCESS",
        "result": 5,
        "traceback": None,
        "children": [],
        "date_done": "2026-03-01T12:00:00+00:00",
        "task_id": "a",
    }


def test_what_result_extended_adds_travels_too(make_backend):
    client = make_backend()
    extended = Extended(
        "add", Payload(b"[1]"), Payload(b"{}"), "w@host", 2, "jobs", ("s",), {"s": 1}
    )
    record = ResultRecord("a", "SUCCESS", Payload(b"5"), extended=extended, reply_to="mine")

    client.store([record])

    (found,) = client.fetch(["a"])
    assert found.extended == extended


def test_a_late_started_hides_no_result(make_backend):
    client = make_backend()

    client.store([done("a"), done("a", state="STARTED", result=b"{}")])

    assert client.fetch(["a"])[0].state == "SUCCESS"


def test_what_was_forgotten_is_unknown(make_backend):
    client = make_backend()
    client.store([done("a")])
    client.fetch(["a"])

    client.forget(["a", "unheard"])

    assert client.fetch(["a"]) == [None]


def test_what_nobody_asked_to_be_told_stays_here(make_backend):
    client = make_backend()

    client.store([done("a", reply_to=None)])

    assert client.letters == []
    assert client.fetch(["a"]) == [done("a")]


def test_garbage_on_the_line_is_passed_over(make_backend):
    client, worker = make_backend(), make_backend("worker")
    worker.store([done("a"), done("b")])
    bad = [Payload(b"\x00"), Payload(b'{"status": 7}'), Payload(b"[]"), Payload(b"x", "no/type")]
    for letter in [*client.letters]:
        client.letters += [type(letter)(letter.address, letter.about, document) for document in bad]

    found = client.fetch(["a", "b"])

    assert [one.task_id for one in found] == ["a", "b"]


def test_a_broker_that_is_away_is_a_backend_that_is_away(make_backend):
    client = make_backend()
    client._replies.is_up = False

    with pytest.raises(BackendUnavailable, match="away"):
        client.store([done("a")])
    with pytest.raises(BackendUnavailable, match="away"):
        client.fetch(["a"])


def test_chords_and_saved_groups_are_refused(make_backend):
    client = make_backend()

    assert client.capabilities.chords is False
    assert client.capabilities.persistent is False
    with pytest.raises(NotSupported, match="chords"):
        client.open_chords([ChordOpening("g", 2)])
    with pytest.raises(NotSupported, match="no group"):
        client.save_groups([GroupRecord("g", [["g", None], []], NOON)])


def test_failures_wait_as_long_as_all_else_since_they_wait_in_one_place(make_backend):
    assert not make_backend().capabilities.keeps_failures_apart
