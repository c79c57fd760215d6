"""What the end of a task means for the chord it is in, and for those behind it."""

from dataclasses import replace
from typing import Any

import pytest

from celeriac.domain.canvas.chords import ChordGrowth, ChordPart
from celeriac.domain.canvas.signature import Signature
from celeriac.domain.errors import TaskRevokedError
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.tasks.outcomes import (
    Ignored,
    Outcome,
    Raised,
    Rejected,
    Replaced,
    RetryAsked,
    Returned,
)
from celeriac.domain.work.execution import conclude
from celeriac.domain.work.job import Report
from tests.unit.domain.samples import CODEC, NOON
from tests.unit.domain.work.test_execution import OOPS, OOPS_STORED, attempt, sent

BODY: dict[str, Any] = {"task": "shop.sum", "options": {"task_id": "body"}, "chord_size": 3}
HEADER = {"chord": BODY, "group_id": "g", "group_index": 2}


def ended(outcome: Outcome, **options: Any) -> Report:
    return conclude(attempt(sent({**HEADER, **options})), outcome, now=NOON)


def part(state: str, value: Any, id_: str = "id-1", index: int | None = 2) -> ChordPart:
    return ChordPart("g", id_, index, 3, state, CODEC.encode(value, "json"))


def test_a_header_task_counts_with_what_it_returned():
    report = ended(Returned(5))

    (one,) = report.parts
    assert one.part == part("SUCCESS", 5)


def test_it_counts_also_where_no_result_is_kept():
    report = ended(Returned(5), ignore_result=True)

    assert report.results == ()
    assert [one.part for one in report.parts] == [part("SUCCESS", 5)]


def test_the_completion_carries_the_body_to_where_the_header_task_came_from():
    (one,) = ended(Returned(5), queue="fast").parts

    completion = one.completion
    assert (completion.task, completion.queue) == (JOIN_CHORD, "fast")
    assert CODEC.decode(completion.payload)[0] == ["g", BODY]
    assert (completion.root_id, completion.parent_id, completion.ignore_result) == (
        "id-1",
        "id-1",
        True,
    )


def test_all_parts_of_a_chord_would_publish_the_same_completion():
    first = conclude(attempt(sent({**HEADER, "task_id": "a"})), Returned(1), now=NOON)
    second = conclude(attempt(sent({**HEADER, "task_id": "b"})), Raised(OOPS, ""), now=NOON)

    assert first.parts[0].completion.id == second.parts[0].completion.id


def test_a_failed_one_counts_with_its_error():
    assert [one.part for one in ended(Raised(OOPS, "")).parts] == [part("FAILURE", OOPS_STORED)]


def test_a_revoked_one_counts_and_nobody_is_called_for_it():
    report = ended(
        Raised(TaskRevokedError("revoked"), "", state="REVOKED"), link_error=[{"task": "shop.bad"}]
    )

    assert (report.state, report.publish) == ("REVOKED", ())
    assert [one.part.state for one in report.parts] == ["REVOKED"]
    assert [record.state for record in report.results] == ["REVOKED"]


@pytest.mark.parametrize(
    ("outcome", "state"), [(Ignored(), "IGNORED"), (Rejected("bad"), "REJECTED")]
)
def test_one_that_keeps_no_record_counts_so_that_the_chord_does_not_wait(
    outcome: Outcome, state: str
):
    report = ended(outcome)

    assert report.results == ()
    assert [one.part.state for one in report.parts] == [state]


@pytest.mark.parametrize(
    "outcome", [RetryAsked(OOPS, None), Rejected("busy", requeue=True)], ids=["retry", "requeue"]
)
def test_one_that_is_run_again_does_not_count_yet(outcome: Outcome):
    assert ended(outcome).parts == ()


def test_a_task_of_no_chord_counts_nowhere():
    assert conclude(attempt(), Returned(5), now=NOON).parts == ()


def test_what_follows_a_failed_task_fails_with_it_and_counts_in_its_chord():
    last = {"task": "shop.last", "options": {"task_id": "last", **HEADER}}
    between = {"task": "shop.next", "options": {"task_id": "between"}}

    report = conclude(attempt(sent({"chain": [last, between]})), Raised(OOPS, "tb"), now=NOON)

    assert [(one.task_id, one.state) for one in report.results] == [
        ("id-1", "FAILURE"),
        ("between", "FAILURE"),
        ("last", "FAILURE"),
    ]
    assert [one.part for one in report.parts] == [part("FAILURE", OOPS_STORED, "last")]


def test_a_replacement_counts_in_the_chord_and_the_replaced_task_does_not():
    report = ended(Replaced(Signature("shop.other", (1,))))

    (message,) = report.publish
    assert (report.state, report.parts, report.results) == ("IGNORED", (), ())
    assert (message.task, message.id, message.group_id, message.group_index) == (
        "shop.other",
        "id-1",
        "g",
        2,
    )
    assert CODEC.decode(message.payload)[2]["chord"] == BODY


def test_a_replacement_takes_over_callbacks_errbacks_and_the_rest_of_the_chain():
    ok, bad, later = {"task": "shop.ok"}, {"task": "shop.bad"}, {"task": "shop.last"}
    message = sent({"link": [ok], "link_error": [bad], "chain": [later]})

    report = conclude(attempt(message), Replaced(Signature("shop.other")), now=NOON)

    embed = CODEC.decode(report.publish[0].payload)[2]
    assert [one["task"] for one in embed["callbacks"]] == ["shop.ok"]
    assert [one["task"] for one in embed["errbacks"]] == ["shop.bad"]
    assert [one["task"] for one in embed["chain"]] == ["shop.last"]
    assert report.publish[0].headers["replaced_task_nesting"] == 1


def test_a_chain_that_replaces_a_task_ends_under_its_id():
    tasks = [Signature("shop.a").to_dict(), Signature("shop.b").to_dict()]
    chain = Signature("celery.chain", (), {"tasks": tasks}, {}, "chain")

    report = conclude(attempt(), Replaced(chain), now=NOON)

    (first,) = report.publish
    rest = CODEC.decode(first.payload)[2]["chain"]
    assert first.task == "shop.a"
    assert first.id != "id-1"
    assert [one["options"]["task_id"] for one in rest] == ["id-1"]


def test_a_group_that_replaces_a_task_is_gathered_under_its_id():
    tasks = [Signature("shop.a").to_dict(), Signature("shop.b").to_dict()]
    group = Signature("celery.group", (), {"tasks": tasks}, {}, "group")

    report = conclude(attempt(), Replaced(group), now=NOON)

    assert [message.task for message in report.publish] == ["shop.a", "shop.b"]
    (opening,) = report.opens
    assert opening.size == 2
    body = CODEC.decode(report.publish[0].payload)[2]["chord"]
    assert (body["task"], body["options"]["task_id"]) == ("celery.accumulate", "id-1")


def test_what_is_added_to_a_chord_is_sent_with_the_end_of_the_task_and_awaited():
    run = attempt(sent(HEADER))
    run.added.append(Signature("shop.more", (), {}, {"task_id": "more", **HEADER}))

    report = conclude(run, Returned(5), now=NOON)

    assert [message.id for message in report.publish] == ["more"]
    assert report.grows == (ChordGrowth("g", 1, "more"),)
    assert len(report.parts) == 1


def test_what_a_task_adds_that_is_retried_is_left_to_its_next_attempt():
    run = attempt(sent(HEADER))
    run.added.append(Signature("shop.more", (), {}, {"task_id": "more", **HEADER}))

    report = conclude(run, RetryAsked(OOPS, None), now=NOON)

    assert [message.id for message in report.publish] == ["id-1"]
    assert report.grows == ()


def test_the_completion_is_that_of_each_part_though_it_is_composed_once():
    shared: dict[str, Any] = {}
    first, other = (
        replace(attempt(sent({**HEADER, "task_id": id_})), completions=shared)
        for id_ in ("one", "two")
    )
    alone = attempt(sent({**HEADER, "task_id": "two"}))

    ((one,), (two,), (expected,)) = (
        conclude(run, Returned(5), now=NOON).parts for run in (first, other, alone)
    )

    assert one.completion is two.completion
    assert [part.closing().headers["parent_id"] for part in (one, two)] == ["one", "two"]
    assert two.closing() == expected.closing()


def test_the_completion_of_a_part_that_came_by_another_queue_goes_there():
    shared: dict[str, Any] = {}
    runs = [
        replace(attempt(sent({**HEADER, "queue": queue})), completions=shared)
        for queue in ("celery", "slow")
    ]

    parts = [conclude(run, Returned(5), now=NOON).parts[0] for run in runs]

    assert [part.completion.queue for part in parts] == ["celery", "slow"]
