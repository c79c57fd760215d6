"""Asking workers by remote control."""

import threading

from celeriac.adapters.memory import MemoryBus, MemoryStore, VirtualClock
from celeriac.application.ask_workers import Asking
from celeriac.domain.cluster.control import Request, request_in
from celeriac.domain.cluster.logical_clock import LogicalClock
from celeriac.domain.cluster.speech import BusMessage, Topic

COMMANDS = Topic("celery.pidbox")


def test_a_command_is_said_to_all_and_carries_the_clock(store):
    bus = MemoryBus(store)
    ear = bus.subscribe([COMMANDS])
    asking = Asking(bus, store.clock, LogicalClock(4))

    asking.tell(Request("shutdown"))
    asking.tell(Request("revoke", {"task_id": ["t"]}, ["w@host"]))

    first, second = ear.receive(0)
    assert request_in(first.body) == Request("shutdown")
    assert first.headers == {"clock": 5, "expires": 0}
    assert request_in(second.body) == Request("revoke", {"task_id": ["t"]}, ["w@host"])


def asked(answers, destination=None, timeout=20.0, tickets=("ticket",), **options):
    """Ask on a bus where somebody answers; return what was collected."""
    store = MemoryStore()
    bus = MemoryBus(store)
    ear = bus.subscribe([COMMANDS])

    def answer():
        (said,) = ear.receive(20)
        request = request_in(said.body)
        for ticket in tickets:
            headers = {"ticket": ticket, "clock": 40}
            replies = [BusMessage("", answer, headers=headers) for answer in answers]
            bus.reply(request.reply_to, replies)

    thread = threading.Thread(target=answer)
    thread.start()
    asking = Asking(bus, store.clock, LogicalClock())
    request = Request("ping", destination=destination)
    found = asking.ask(request, "ticket", timeout, **options)
    thread.join(20)
    assert asking.logical.value > 40
    return found


def test_as_many_answers_as_were_named_are_waited_for():
    answers = [{"a@h": {"ok": "pong"}}, {"b@h": {"ok": "pong"}}]

    assert asked(answers, destination=["a@h", "b@h"]) == answers


def test_a_limit_ends_the_waiting():
    assert asked([{"a@h": 1}], limit=1) == [{"a@h": 1}]


def test_without_either_all_that_comes_in_time_is_collected():
    assert asked([{"a@h": 1}, {"b@h": 2}], timeout=0.2) == [{"a@h": 1}, {"b@h": 2}]


def test_answers_to_what_was_asked_before_are_left_out():
    found = asked([{"a@h": 1}], tickets=("older", "ticket"), limit=1)

    assert found == [{"a@h": 1}]


def test_each_answer_is_told_of_as_it_comes():
    heard = []

    asked([{"a@h": 1}, {"b@h": 2}], limit=2, callback=heard.append)

    assert heard == [{"a@h": 1}, {"b@h": 2}]


class PassingClock(VirtualClock):
    """Passes a second whenever somebody looks."""

    def monotonic(self):
        self.advance(1)
        return super().monotonic()


def test_nobody_answers_is_an_answer_too(store):
    asking = Asking(MemoryBus(store), PassingClock(), LogicalClock())

    assert asking.ask(Request("ping"), "ticket", 3) == []
    assert store.subscriptions == []
