"""Asking workers by remote control."""

import threading

from celeriac.adapters.memory import MemoryBus, MemoryStore, VirtualClock
from celeriac.application.ask_workers import COMMANDS, ask, tell
from celeriac.domain.cluster.speech import BusMessage, ReplyAddress, Topic


def request(method, arguments, destination, **reply):
    return {
        "method": method,
        "arguments": arguments,
        "destination": destination,
        "pattern": None,
        "matcher": None,
        **reply,
    }


def test_a_command_is_said_to_all_in_celerys_words(store):
    bus = MemoryBus(store)
    ear = bus.subscribe([Topic(COMMANDS)])

    tell(bus, "shutdown", {}, None)
    tell(bus, "revoke", {"task_id": ["t"]}, ["w@host"])

    assert list(ear.receive(0)) == [
        BusMessage(COMMANDS, request("shutdown", {}, None)),
        BusMessage(COMMANDS, request("revoke", {"task_id": ["t"]}, ["w@host"])),
    ]


def asked(answers, **options):
    """Ask on a bus where somebody answers; return what was collected."""
    store = MemoryStore()
    bus = MemoryBus(store)
    ear = bus.subscribe([Topic(COMMANDS)])

    def answer():
        (said,) = ear.receive(20)
        to = said.body["reply_to"]
        expected = request("ping", {}, options.get("destination"), ticket="ticket", reply_to=to)
        assert said.body == expected
        bus.reply(ReplyAddress(**to), [BusMessage("", answer) for answer in answers])

    thread = threading.Thread(target=answer)
    thread.start()
    found = ask(
        bus,
        store.clock,
        "ticket",
        "ping",
        {},
        options.get("destination"),
        options.get("timeout", 20),
        options.get("limit"),
    )
    thread.join(20)
    return found


def test_as_many_answers_as_were_named_are_waited_for():
    answers = [{"a@h": {"ok": "pong"}}, {"b@h": {"ok": "pong"}}]

    assert asked(answers, destination=["a@h", "b@h"]) == answers


def test_a_limit_ends_the_waiting():
    assert asked([{"a@h": 1}], limit=1) == [{"a@h": 1}]


def test_without_either_all_that_comes_in_time_is_collected():
    assert asked([{"a@h": 1}, {"b@h": 2}], timeout=0.2) == [{"a@h": 1}, {"b@h": 2}]


class PassingClock(VirtualClock):
    """Passes a second whenever somebody looks."""

    def monotonic(self):
        self.advance(1)
        return super().monotonic()


def test_nobody_answers_is_an_answer_too(store):
    bus = MemoryBus(store)

    assert ask(bus, PassingClock(), "ticket", "ping", {}, None, 3) == []
    assert store.subscriptions == []
