"""Slots of queues: what is claimed is never more than may run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.job import Report
from celeriac.domain.work.queue_slots import Claim, checked, claims, one_claim, told
from tests.unit.domain.samples import NOON, delivered, message

NAMES = ["mail", "video", "web", "rest"]
slots = st.dictionaries(st.sampled_from(NAMES[:3]), st.integers(1, 5))
held = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 6))


@given(slots, held, st.integers(0, 20))
def test_whatever_a_claim_brings_no_queue_exceeds_its_slots(slots, held, room):
    for claim in claims(NAMES, slots, held, room):
        assert 0 < claim.limit <= room
        for name in claim.queues:
            if name in slots:
                assert held.get(name, 0) + claim.limit <= slots[name]


@given(slots, held, st.integers(1, 20))
def test_every_queue_with_room_is_claimed_from(slots, held, room):
    asked = {name for claim in claims(NAMES, slots, held, room) for name in claim.queues}

    assert asked == {name for name in NAMES if name not in slots or held.get(name, 0) < slots[name]}


def test_one_claim_for_all_keeps_to_the_narrowest():
    several = claims(["mail", "rest"], {"mail": 2}, {}, 10)

    assert several == [Claim(["mail"], 2), Claim(["rest"], 10)]
    assert one_claim(several) == Claim(["mail", "rest"], 2)


def test_queues_are_written_with_their_slots():
    assert told(["mail=2", "rest"]) == (["mail", "rest"], {"mail": 2})


@pytest.mark.parametrize("word", ["mail=", "mail=x", "mail=0", "mail=-1", "=2", "mail=1.5"])
def test_slots_that_are_no_number_are_refused(word):
    with pytest.raises(ImproperlyConfigured, match=r"at least 1, such as mail=2"):
        told([word])


@pytest.mark.parametrize("number", [0, "2", True, 1.5, None])
def test_slots_of_the_setting_are_checked_too(number):
    with pytest.raises(ImproperlyConfigured, match=r"worker_queue_slots has mail="):
        checked({"mail": number})


def test_what_is_in_hand_counts_until_it_is_settled():
    core = WorkerCore(WorkerPolicy(4, queue_slots={"celery": 2}), {"a": TaskOptions("a")}.get)
    core.on_deliveries([delivered(message(f"id-{n}", "a"), n) for n in range(2)], NOON, 0.0)
    (start,) = core.start(4)
    assert core.claims(["celery", "rest"], 4) == [Claim(["rest"], 14, begin=2)]

    core.on_reports([Report(start.jobs[0].number, "SUCCESS")])

    assert core.claims(["celery", "rest"], 4) == [Claim(["celery"], 1, 3), Claim(["rest"], 15, 3)]
    core.stop()
    assert core.claims(["celery", "rest"], 4) == []
