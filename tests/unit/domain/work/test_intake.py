"""What is done with a delivery that has just come in, and which reason counts first."""

from datetime import timedelta
from typing import Any

import pytest

from celeriac.domain.errors import NotRegistered
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.intake import Decision, Drop, NotYet, Run, decide
from celeriac.domain.work.settlement import DONE, DeadLetter
from tests.unit.domain.samples import NOON, delivered, message

ADD = TaskOptions("shop.add")
SECOND = timedelta(seconds=1)

REVOKED = ("REVOKED", "TaskRevokedError('revoked')", "done")
EXPIRED = ("REVOKED", "TaskRevokedError('expired')", "done")
CRASHED = ("FAILURE", "WorkerLostError('its process died 3 times while running it')", "crashes")
UNKNOWN = ("FAILURE", repr(NotRegistered("shop.gone")), "unknown-task")


def find(task: str) -> TaskOptions | None:
    return {"shop.add": ADD}.get(task)


def decided(
    *, task: str = "shop.add", crashes: int = 0, revoked: tuple[str, ...] = (), **sent: Any
) -> Decision:
    delivery = delivered(message(task=task, **sent), crashes=crashes)
    return decide(delivery, find, revoked, NOON, max_crashes=3)


def told(decision: Decision) -> tuple[str, str, str]:
    assert isinstance(decision, Drop)
    away = decision.disposition
    where = away.reason if isinstance(away, DeadLetter) else "done"
    assert isinstance(away, DeadLetter) or away == DONE
    return decision.state, repr(decision.error), where


@pytest.mark.parametrize(
    "sent",
    [{}, {"eta": NOON}, {"eta": NOON - SECOND}, {"expires": NOON + SECOND}, {"crashes": 2}],
)
def test_what_is_due_is_run(sent: dict[str, Any]):
    assert decided(**sent) == Run(ADD)


def test_what_is_not_due_waits_in_the_store():
    assert decided(eta=NOON + SECOND) == NotYet(NOON + SECOND)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"revoked": ("id-1",)}, REVOKED),
        ({"expires": NOON}, EXPIRED),
        ({"crashes": 3}, CRASHED),
        ({"task": "shop.gone"}, UNKNOWN),
    ],
)
def test_what_is_not_run_at_all(sent: dict[str, Any], expected: tuple[str, str, str]):
    assert told(decided(**sent)) == expected


def test_the_reasons_have_an_order():
    """Take away the strongest reason, one at a time, and the next one counts."""
    reasons: dict[str, Any] = {
        "revoked": ("id-1",),
        "expires": NOON,
        "crashes": 3,
        "task": "shop.gone",
        "eta": NOON + SECOND,
    }
    found = []
    for reason in [*reasons][:-1]:
        found.append(told(decided(**reasons)))
        del reasons[reason]

    assert found == [REVOKED, EXPIRED, CRASHED, UNKNOWN]
    assert decided(**reasons) == NotYet(NOON + SECOND)


def test_an_unknown_task_is_refused_with_what_can_be_done_about_it():
    decision = decided(task="shop.gone")

    assert isinstance(decision, Drop)
    assert isinstance(decision.disposition, DeadLetter)
    assert "'shop.gone'" in decision.disposition.detail
    assert "import its module" in decision.disposition.detail
