"""Links that follow where the one before them ended: which may, and how they are settled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from celeriac.domain.messaging.delivery import Delivery
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Bury, Kill, Settle, Start
from celeriac.domain.work.job import Job, Lost, Report
from celeriac.domain.work.relay import is_in_chain, next_link, takes_part
from celeriac.domain.work.settlement import REQUEUE, Relay, Settlement
from tests.unit.domain.samples import NOON, delivered, message

BODY = b'[[], {}, {"callbacks": null, "errbacks": null, "chain": [{"task": "add"}], "chord": null}]'
TASKS = {
    options.name: options for options in (TaskOptions("add"), TaskOptions("late", acks_late=True))
}


def link(task: str = "add", **sent: Any) -> TaskMessage:
    return message(sent.pop("id_", "link"), task, body=BODY, queue="celery", **sent)


def job(**fields: Any) -> Job:
    return Job(1, link(id_="first"), **{"relays": 3, **fields})


def report(*publish: TaskMessage, **fields: Any) -> Report:
    told = {"number": 1, "state": "SUCCESS", "publish": publish or (link(),)}
    return Report(**{**told, **fields})


def core_with(**policy: Any) -> WorkerCore:
    core = WorkerCore(WorkerPolicy(2, **{"relays": 3, **policy}), TASKS.get)
    for task in TASKS:  # seen once, and brief
        core._times.learn(task, 0.001)
    return core


def begun(core: WorkerCore, *deliveries: Delivery) -> list[Job]:
    assert core.on_deliveries(deliveries, NOON, 0.0) == []
    (start,) = core.start(10)
    assert isinstance(start, Start)
    return list(start.jobs)


def first(tag: int = 1, task: str = "add") -> Delivery:
    return delivered(link(task, id_=f"first-{tag}"), tag)


# -- what may follow ---------------------------------------------------------------------------


def test_the_next_link_of_a_task_that_went_well_may_follow():
    assert next_link(job(), report()) == link()


@pytest.mark.parametrize(
    ("job", "report"),
    [
        (job(relays=0), report()),
        (job(), report(state="FAILURE")),
        (job(), report(state="RETRY")),
        (job(), report(runtime=0.1)),
        (job(), report(disposition=REQUEUE)),
        (job(), report(link(), link(id_="callback"))),
        (job(), report()._replace(publish=())),
        (job(), report(replace(link(), queue="other"))),
        (job(), report(replace(link(), exchange="shop"))),
        (job(), report(link(eta=NOON))),
        (job(), report(link(expires=NOON + timedelta(hours=1)))),
        (job(), report(link(headers={"timelimit": [3.0, None]}))),
        (job(), report(link(headers={"celeriac_unique": {"key": "k"}}))),
        (job(), report(link(headers={"odd": NOON}))),
        (job(), report(link(headers={"odd": [{"odder": {1: 2}}]}))),
    ],
)
def test_all_else_goes_through_the_store(job, report):
    assert next_link(job, report) is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"ignore_result": True, "track_started": True}, True),
        ({"acks_late": True}, False),
        ({"retry_on_worker_lost": True}, False),
        ({"rate_limit": "10/s"}, False),
        ({"time_limit": 3.0}, False),
        ({"soft_time_limit": 3.0}, False),
        ({"max_concurrency": 1}, False),
        ({"concurrency_key": "user"}, False),
    ],
)
def test_a_task_that_asks_for_a_grant_takes_no_part(options, expected):
    assert takes_part(TaskOptions("add", **options)) is expected


def test_a_body_shows_that_its_chain_goes_on():
    assert is_in_chain(link())
    assert not is_in_chain(message("a", body=b'[[], {}, {"chain": []}]'))
    assert not is_in_chain(message("a", body=b'[[], {}, {"chain": null}]'))


# -- who is let ----------------------------------------------------------------------------------


def relays(core: WorkerCore, *deliveries: Delivery) -> list[int]:
    return [job.relays for job in begun(core, *(deliveries or (first(),)))]


def test_a_brief_task_in_a_chain_may_be_followed_where_it_runs():
    assert relays(core_with()) == [3]
    assert relays(core_with(relays=0)) == [0]
    assert relays(core_with(), delivered(message("a", "add"), 1)) == [0]
    assert relays(core_with(), first(task="late")) == [0]
    assert relays(core_with(time_limit=9.0)) == [0]
    assert relays(core_with(queue_slots={"celery": 2})) == [0]


def test_while_others_wait_only_the_last_may():
    assert relays(core_with(), first(1), first(2)) == [0, 3]


def test_a_task_of_which_nothing_is_known_may_not():
    assert relays(WorkerCore(WorkerPolicy(2, relays=3), TASKS.get)) == [0]


def test_what_is_said_while_the_worker_runs_counts_for_all_links():
    revoking, stamped, limited, timed = (core_with() for _ in range(4))

    revoking.revoke(["another"], NOON, 0.0)
    stamped.revoke_stamped({"user": ["7"]}, NOON)
    limited.rate_limit("another", "1/s")
    timed.time_limits["another"] = (9.0, None)

    assert [relays(core) for core in (revoking, stamped, limited, timed)] == [[0]] * 4


# -- how it is settled ---------------------------------------------------------------------------


def test_links_come_under_the_numbers_behind_the_first():
    core = core_with()
    (one,) = begun(core, first(1))
    other = begun(core, first(2))[0]

    assert other.number == one.number + 4


def test_a_delivery_is_one_link_after_the_other_until_the_last():
    core = core_with()
    (job,) = begun(core, first())
    token = first().token
    word = report(number=job.number)._replace(publish=(), relay=link(id_="second"))
    last = Report(job.number + 1, "SUCCESS")

    (second,) = core.on_relays([word])
    shown = core.delivery(job.number + 1)
    told = core.on_reports([word])
    held = core.held
    ended = core.on_reports([last])

    assert (second.message.id, second.token, second.started) == ("second", token, True)
    assert shown == second
    assert told == [Settle([Settlement(token, relay=Relay(link(id_="second"), job.number + 1))])]
    assert held == 1
    assert ended == [Settle([Settlement(token)])]
    assert core.idle


def test_a_link_that_dies_with_its_process_is_the_one_that_is_lost():
    core = core_with()
    (job,) = begun(core, first())
    word = report(number=job.number)._replace(publish=(), relay=link(id_="second"))
    core.on_relays([word])
    core.on_reports([word])

    effects = core.on_pool(Lost([job.number + 1], [], "process 4 was killed"), NOON)

    (bury,) = (one for one in effects if isinstance(one, Bury))
    assert bury.delivery.message.id == "second"


def test_links_of_a_job_that_is_not_ours_are_ended():
    core = core_with()
    (job,) = begun(core, first())
    word = report(number=job.number)._replace(publish=(), relay=link(id_="second"))

    core.lease_lost()

    assert core.on_relays([word]) == []
    assert core.on_reports([word]) == [Kill([job.number + 1])]
    assert core.idle
