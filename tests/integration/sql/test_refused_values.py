"""What a database does not take is refused by name, and does not stand in the way of the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from celeriac.domain.errors import SettlementRefused
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import DeadLetter, Settlement

from .actor import JOBS, message, settled
from .places import ON_EACH_DATABASE, ON_EACH_SERVER, empty_place  # noqa: F401 - a fixture


@pytest.fixture
def broker(place):
    broker = place.broker(host_time=True)
    broker.enlist("w@host", 60)
    return broker


def claimed(broker, count):
    broker.publish([message(f"m{number}") for number in range(count)], deadline=5)
    return broker.claim([JOBS], count, 0)


@ON_EACH_DATABASE
def test_a_result_that_is_no_unicode_is_refused_by_its_index(place, broker):
    results = place.results(host_time=True)
    settler = place.settler(broker, results)
    good, bad, fine = claimed(broker, 3)
    unheard = ResultRecord("lone \udc80", "SUCCESS", Payload(b"1"))

    with pytest.raises(SettlementRefused) as refusal:
        settler.settle([settled(good), Settlement(bad.token, results=(unheard,)), settled(fine)])

    assert refusal.value.index == 1
    assert results.fetch(["m0", "m2"]) == [None, None]
    dead = Settlement(bad.token, DeadLetter("refused", str(refusal.value)))
    assert settler.settle([settled(good), dead, settled(fine)]) == [True, True, True]
    assert [one.message.id for one in broker.dead(JOBS, 10)] == ["m1"]


@ON_EACH_SERVER
def test_a_value_larger_than_the_server_takes_is_refused(place, broker):
    if broker.store.dialect != "mysql":
        pytest.skip("only MySQL limits the size of a statement")
    broker.open()
    settler = place.settler(broker, place.results(host_time=True))
    good, bad = claimed(broker, 2)
    ((limit,),) = broker.store.read(lambda t: t.rows("SELECT @@max_allowed_packet"))
    # Quotes take two bytes on their way, whether escaped or in hexadecimal.
    huge = ResultRecord("huge", "SUCCESS", Payload(b"'" * (limit // 2 + 1)))

    with pytest.raises(SettlementRefused, match="max_allowed_packet") as refusal:
        settler.settle([settled(good), Settlement(bad.token, results=(huge,))])

    assert refusal.value.index == 1
    wide = replace(huge, result=Payload(b"'" * (limit // 2 - 10_000)))
    assert settler.settle([settled(good), Settlement(bad.token, results=(wide,))]) == [True, True]


@ON_EACH_DATABASE
def test_any_text_in_a_traceback_or_a_reason_is_kept_in_a_readable_form(place, broker):
    results = place.results(host_time=True)
    settler = place.settler(broker, results)
    (one,) = claimed(broker, 1)
    odd = "a\0b\udc80 ä"
    record = ResultRecord("m0", "FAILURE", Payload(b"{}"), traceback=odd)

    assert settler.settle(
        [Settlement(one.token, DeadLetter("rejected", odd), results=(record,))]
    ) == [True]

    (kept,) = results.fetch(["m0"])
    (letter,) = broker.dead(JOBS, 1)
    assert kept.traceback == letter.detail == r"a\x00b\udc80 ä"


@ON_EACH_DATABASE
def test_ids_and_queues_differ_by_case_and_accent(broker):
    for queue in ("jobs", "Jobs", "jöbs"):
        broker.publish([message(f"in {queue}", queue)], deadline=5)

    found = {queue: broker.claim([queue], 10, 0) for queue in ("jobs", "Jobs", "jöbs")}

    assert {queue: [one.queue for one in claim] for queue, claim in found.items()} == {
        "jobs": ["jobs"],
        "Jobs": ["Jobs"],
        "jöbs": ["jöbs"],
    }
