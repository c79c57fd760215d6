"""What becomes of work whose process died: the whole table."""

import pytest

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.crash_policy import Verdict, repeatable, verdict
from tests.unit.domain.samples import delivered, message

EARLY = TaskOptions("shop.add")
LATE = TaskOptions("shop.add", acks_late=True)


@pytest.mark.parametrize("options", [EARLY, LATE, None])
@pytest.mark.parametrize("crashes", [0, 2, 9])
def test_what_had_not_started_is_delivered_again(options: TaskOptions | None, crashes: int):
    found = verdict(delivered(message(), crashes=crashes), options, started=False, max_crashes=3)

    assert found is Verdict.REDELIVER


def test_what_had_started_is_a_failure_unless_it_may_be_repeated():
    assert verdict(delivered(message()), EARLY, started=True, max_crashes=3) is Verdict.FAIL


def test_what_had_started_and_is_unknown_here_is_put_aside():
    assert verdict(delivered(message()), None, started=True, max_crashes=3) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("crashes", "expected"),
    [
        (0, Verdict.COUNT_AND_REDELIVER),
        (1, Verdict.COUNT_AND_REDELIVER),
        (2, Verdict.DEAD_LETTER),
        (3, Verdict.DEAD_LETTER),
    ],
)
def test_what_may_be_repeated_is_repeated_until_it_has_crashed_too_often(
    crashes: int, expected: Verdict
):
    found = verdict(delivered(message(), crashes=crashes), LATE, started=True, max_crashes=3)

    assert found is expected


@pytest.mark.parametrize(
    ("late", "reject", "retry", "expected"),
    [
        (False, None, False, False),
        (False, True, False, False),
        (False, None, True, True),
        (True, None, False, True),
        (True, True, False, True),
        (True, False, False, False),
        (True, False, True, True),
    ],
)
def test_which_tasks_may_be_started_again(
    late: bool, reject: bool | None, retry: bool, expected: bool
):
    options = TaskOptions(
        "shop.add", acks_late=late, reject_on_worker_lost=reject, retry_on_worker_lost=retry
    )

    assert repeatable(options) is expected
