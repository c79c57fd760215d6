"""What an outcome brings about: whole reports."""

from datetime import timedelta
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.canvas.signature import Signature
from celeriac.domain.errors import EncodeError
from celeriac.domain.messaging.compose import Sender, compose
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.domain.messaging.routing import Router
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.tasks.outcomes import Ignored, Raised, Rejected, RetryAsked, Returned
from celeriac.domain.tasks.result_record import Extended, ResultRecord
from celeriac.domain.work.attempt import Body, Execution, ids_after
from celeriac.domain.work.execution import conclude, progress, started
from celeriac.domain.work.job import Report
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter
from tests.unit.domain.samples import CODEC, NOON

ROUTER = Router([Queue("celery"), Queue("events-a", Exchange("events", "topic"), "a.#")])
SENDER = Sender(ROUTER, CODEC, "gen1@here")
OK = {"task": "shop.ok", "args": [1]}
BAD = {"task": "shop.bad"}
NEXT = {"task": "shop.next"}
LAST = {"task": "shop.last", "immutable": True}
OOPS = KeyError("oops")
OOPS_STORED = {"exc_type": "KeyError", "exc_message": ["oops"], "exc_module": "builtins"}


def sent(options: dict[str, Any] | None = None, task: str = "shop.add", *args: Any) -> TaskMessage:
    says = {"task_id": "id-1", **(options or {})}
    return compose(task, args or (2, 3), {}, says, SENDER, now=NOON, new_id="unused")


def attempt(
    message: TaskMessage | None = None, options: TaskOptions | None = None, **changes: Any
) -> Execution:
    message = message or sent()
    numbers = count(1)

    def compose_now(call: Signature) -> TaskMessage:
        new_id = f"new-{next(numbers)}"
        return compose(
            call.task, call.args, call.kwargs, call.options, SENDER, now=NOON, new_id=new_id
        )

    return Execution(
        number=7,
        message=message,
        body=Body.read(CODEC.decode(message.payload)),
        options=options or TaskOptions("shop.add"),
        node="w1@here",
        codec=CODEC,
        compose=compose_now,
        **changes,
    )


def record(state: str, value: Any, **changes: Any) -> ResultRecord:
    if state != "RETRY":
        changes.setdefault("date_done", NOON)
    return ResultRecord("id-1", state, CODEC.encode(value, "json"), **changes)


def follow_up(id_: str, task: str, *args: Any, **options: Any) -> TaskMessage:
    lineage = {"parent_id": "id-1", "root_id": "id-1", "task_id": id_}
    return compose(task, args, {}, {**lineage, **options}, SENDER, now=NOON, new_id="unused")


# -- success


def test_a_returned_value_is_kept_and_the_delivery_done():
    report = conclude(attempt(), Returned(5), now=NOON, runtime=0.5)

    assert report == Report(7, "SUCCESS", DONE, (record("SUCCESS", 5),), (), 0.5, "5")


def test_callbacks_and_the_next_link_get_the_value_and_are_its_children():
    message = sent({"link": [OK], "chain": [LAST, NEXT]})

    report = conclude(attempt(message), Returned(5), now=NOON)

    first, second = islice(ids_after("id-1", "returned"), 2)
    publish = (
        follow_up(first, "shop.ok", 5, 1),
        follow_up(second, "shop.next", 5, chain=[LAST]),
    )
    children = (((first, None), None), ((second, None), None))
    kept = record("SUCCESS", 5, children=children)
    assert report == Report(7, "SUCCESS", DONE, (kept,), publish, 0.0, "5")


def test_the_last_link_has_an_empty_chain_and_an_immutable_one_gets_no_value():
    report = conclude(attempt(sent({"chain": [LAST]})), Returned(5), now=NOON)

    id_ = next(ids_after("id-1", "returned"))
    assert report.publish == (follow_up(id_, "shop.last", chain=[]),)


def test_follow_ups_keep_the_root_of_the_work_flow():
    message = sent({"root_id": "first", "parent_id": "before", "link": [OK], "group_id": "g"})

    report = conclude(attempt(message), Returned(5), now=NOON)

    (callback,), (kept,) = report.publish, report.results
    assert (callback.root_id, callback.parent_id) == ("first", "id-1")
    assert (kept.group_id, kept.parent_id) == ("g", "before")


def test_a_link_keeps_the_options_it_was_frozen_with():
    chain = [{**NEXT, "options": {"task_id": "frozen", "queue": "slow", "priority": 4}}]

    report = conclude(attempt(sent({"chain": chain})), Returned(5), now=NOON)

    expected = follow_up("frozen", "shop.next", 5, chain=[], queue="slow", priority=4)
    assert report.publish == (expected,)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (sent({"ignore_result": True}), TaskOptions("shop.add")),
        (sent(), TaskOptions("shop.add", ignore_result=True)),
    ],
)
@pytest.mark.parametrize("outcome", [Returned(5), Raised(OOPS, ""), RetryAsked(OOPS, None)])
def test_nothing_is_kept_where_nobody_wants_it(
    message: TaskMessage, options: TaskOptions, outcome: Any
):
    assert conclude(attempt(message, options), outcome, now=NOON).results == ()


def test_errors_may_be_kept_although_results_are_not():
    options = TaskOptions("shop.add", ignore_result=True, store_errors_even_if_ignored=True)

    results = [
        conclude(attempt(options=options), outcome, now=NOON).results
        for outcome in (Returned(5), Raised(OOPS, ""))
    ]

    assert results == [(), (record("FAILURE", OOPS_STORED, traceback=""),)]


def test_a_value_that_cannot_be_encoded_is_refused():
    with pytest.raises(EncodeError):
        conclude(attempt(), Returned(object()), now=NOON)


def test_an_extended_record_says_what_was_called_where():
    message = sent({"retries": 2, "stamped_headers": ["a"], "stamps": {"a": [1]}})

    (kept,) = conclude(attempt(message, result_extended=True), Returned(5), now=NOON).results

    assert kept.extended == Extended(
        name="shop.add",
        args=CODEC.encode([2, 3], "json"),
        kwargs=CODEC.encode({}, "json"),
        worker="w1@here",
        retries=2,
        queue="celery",
        stamped_headers=("a",),
        stamps={"a": [1]},
    )


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        ("x" * 30, "'xxxxxxxxxxxxxxxx..."),
        (Mute(), "<Mute: its repr raised RuntimeError>"),
    ],
)
def test_a_summary_is_short_and_never_raises(value: Any, shown: str):
    options = TaskOptions("shop.add", resultrepr_maxsize=20, ignore_result=True)

    assert conclude(attempt(options=options), Returned(value), now=NOON).summary == shown


# -- failure


def test_a_failure_is_kept_with_its_traceback_and_its_errbacks_are_called():
    message = sent({"link": [OK], "link_error": [BAD], "chain": [NEXT]})

    report = conclude(attempt(message), Raised(OOPS, "Traceback ..."), now=NOON, runtime=0.5)

    assert report == Report(
        7,
        "FAILURE",
        DONE,
        (record("FAILURE", OOPS_STORED, traceback="Traceback ..."),),
        (follow_up(next(ids_after("id-1", "raised")), "shop.bad", "id-1"),),
        0.5,
        "KeyError('oops')",
        "Traceback ...",
    )


@pytest.mark.parametrize("acks_late", [True, False])
@pytest.mark.parametrize("on_failure", [True, False])
@pytest.mark.parametrize("on_timeout", [True, False])
@pytest.mark.parametrize("timed_out", [True, False])
def test_a_failed_delivery_is_set_aside_only_if_it_was_late_and_not_to_be_acknowledged(
    acks_late: bool, on_failure: bool, on_timeout: bool, timed_out: bool
):
    options = TaskOptions(
        "shop.add",
        acks_late=acks_late,
        acks_on_failure=on_failure,
        acks_on_timeout=on_timeout,
    )

    report = conclude(attempt(options=options), Raised(OOPS, "", timed_out=timed_out), now=NOON)

    acknowledged = on_timeout if timed_out else on_failure
    set_aside = acks_late and not acknowledged
    assert report.disposition == (DeadLetter("failure", "KeyError('oops')") if set_aside else DONE)


# -- the rest


def test_an_ignored_task_leaves_no_trace():
    assert conclude(attempt(), Ignored(), now=NOON, runtime=0.5) == Report(
        7, "IGNORED", runtime=0.5
    )


def test_a_rejected_message_is_set_aside_or_given_back():
    aside = conclude(attempt(), Rejected("not mine"), now=NOON)
    back = conclude(attempt(), Rejected("not now", requeue=True), now=NOON)

    assert aside == Report(7, "REJECTED", DeadLetter("rejected", "not mine"), summary="not mine")
    assert back == Report(7, "REJECTED", REQUEUE, summary="not now")


def test_a_retry_publishes_the_next_attempt_under_the_same_id():
    again = NOON + timedelta(seconds=10)
    message = sent({"link": [OK], "link_error": [BAD], "chain": [NEXT], "retries": 1})

    report = conclude(attempt(message), RetryAsked(OOPS, again, "Traceback ..."), now=NOON)

    embed = {"link": [OK], "link_error": [BAD], "chain": [NEXT]}
    next_one = sent({**embed, "retries": 2, "eta": again, "root_id": "id-1", "parent_id": "id-1"})
    assert report == Report(
        7,
        "RETRY",
        DONE,
        (record("RETRY", OOPS_STORED, traceback="Traceback ..."),),
        (next_one,),
        0.0,
        "KeyError('oops')",
        "Traceback ...",
    )


def test_a_retry_without_a_cause_says_so():
    report = conclude(attempt(), RetryAsked(None, None), now=NOON)

    assert report.summary == "Exception('retry asked for')"


def test_the_next_attempt_keeps_everything_the_first_was_sent_with():
    options: dict[str, Any] = {
        "expires": NOON + timedelta(hours=1),
        "queue": "slow",
        "priority": 4,
        "group_id": "g",
        "group_index": 3,
        "root_id": "first",
        "time_limit": 5,
        "soft_time_limit": 4,
        "shadow": "other",
        "ignore_result": True,
        "origin": "gen9@there",
        "reply_to": "me",
        "stamps": {"a": 1},
        "stamped_headers": ["a"],
        "replaced_task_nesting": 1,
        "headers": {"tenant": 4},
        "link": [OK],
        "link_error": [BAD],
        "chain": [NEXT],
        "chord": {"task": "shop.body"},
    }

    report = conclude(attempt(sent(options)), RetryAsked(OOPS, None), now=NOON)

    assert report.publish == (sent({**options, "retries": 1, "parent_id": "id-1"}),)


def test_the_next_attempt_may_have_other_arguments_and_options():
    asked = RetryAsked(OOPS, None, args=(9,), options={"priority": 2, "queue": "slow"})

    (next_one,) = conclude(attempt(sent({"priority": 7})), asked, now=NOON).publish

    lineage = {"root_id": "id-1", "parent_id": "id-1"}
    says = {**lineage, "retries": 1, "priority": 2, "queue": "slow"}
    assert next_one == sent(says, "shop.add", 9)


@pytest.mark.parametrize(
    ("first", "asked", "went"),
    [
        ({}, {}, ("celery", "", "celery")),
        ({"queue": "events-a"}, {}, ("events-a", "events", "a.#")),
        ({"exchange": "x", "routing_key": "k"}, {}, ("", "x", "k")),
        ({"exchange": "x", "routing_key": "k"}, {"queue": "slow"}, ("slow", "", "slow")),
        ({"exchange": "x", "routing_key": "k"}, {"routing_key": "l"}, ("", "x", "l")),
        ({"queue": "slow"}, {"exchange": "x", "routing_key": "k"}, ("", "x", "k")),
    ],
)
def test_the_next_attempt_goes_where_the_first_went_or_where_it_is_told(
    first: dict[str, Any], asked: dict[str, Any], went: tuple[str, str, str]
):
    report = conclude(attempt(sent(first)), RetryAsked(OOPS, None, options=asked), now=NOON)

    (next_one,) = report.publish
    assert (next_one.queue, next_one.exchange, next_one.routing_key) == went


def test_records_of_a_task_that_still_runs():
    run = attempt()

    assert started(run, 4711) == record(
        "STARTED", {"pid": 4711, "hostname": "w1@here"}, date_done=None
    )
    assert progress(run, "HALF", {"done": 5}) == record("HALF", {"done": 5}, date_done=None)


# -- bodies


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["callbacks", "errbacks", "chain", "chord", "task", "args"]), inner
            )
        ),
        max_leaves=12,
    )
    | st.tuples(
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.integers()),
        st.dictionaries(
            st.sampled_from(["callbacks", "errbacks", "chain"]),
            st.none() | st.integers() | st.lists(st.sampled_from([OK, BAD, {}, 5, "x"])),
        ),
    )
)
def test_any_decoded_value_is_a_body_or_a_value_error(value: Any):
    try:
        body = Body.read(value)
    except ValueError:
        return

    # What is embedded in it can be sent when the task is done.
    run = Execution(
        number=1,
        message=sent(),
        body=body,
        options=TaskOptions("shop.add"),
        node="w1@here",
        codec=CODEC,
        compose=lambda call: sent({"task_id": call.task}),
    )
    links = list(body.embed.get("callbacks") or ()) + list(body.embed.get("chain") or ())[-1:]
    published = conclude(run, Returned(1), now=NOON).publish
    assert [one.id for one in published] == [link["task"] for link in links]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [[1], {}],
        [[1], {}, {}, {}],
        ["ab", {}, {}],
        [[1], [], {}],
        [[], {}, {"callbacks": 5}],
        [[], {}, {"chain": [5]}],
        [[], {}, {"errbacks": [{"args": []}]}],
    ],
)
def test_what_is_no_body_is_refused(value: Any):
    with pytest.raises(ValueError, match=r"body|signature"):
        Body.read(value)


def test_a_body_without_embed_is_read():
    assert Body.read([[1], {"k": 2}, None]) == Body((1,), {"k": 2}, {})
