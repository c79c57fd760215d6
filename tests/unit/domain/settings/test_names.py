"""Old and new spellings, and what a wrong one may have meant."""

import pytest

from celeriac.domain.errors import MixedSpellings
from celeriac.domain.settings.names import (
    canonical,
    may_be_own,
    nearest,
    refuse_mixed,
    renamed,
    unknown,
)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("task_serializer", "task_serializer"),
        ("CELERY_TASK_SERIALIZER", "task_serializer"),
        ("CELERYD_CONCURRENCY", "worker_concurrency"),
        ("BROKER_URL", "broker_url"),
        ("TASK_SERIALIZER", None),
        ("DEBUG", None),
    ],
)
def test_both_spellings_lead_to_todays_name(spelled, name):
    assert canonical(spelled) == name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("task_ack_late", "unknown setting 'task_ack_late'; did you mean 'task_acks_late'?"),
        (
            "CELERYD_CONCURENCY",
            "unknown setting 'CELERYD_CONCURENCY'; did you mean 'CELERYD_CONCURRENCY'?",
        ),
        (
            "CELERY_TASK_ACKS_LATE",
            "unknown setting 'CELERY_TASK_ACKS_LATE'; did you mean 'task_acks_late'?",
        ),
        ("zzz", "unknown setting 'zzz'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(wrong, message):
    assert str(unknown(wrong)) == message


def test_where_nothing_is_close_several_are_offered():
    assert len(nearest("serializer_task")) > 1


@pytest.mark.parametrize(
    "name", ["rabbit_host", "DEBUG", "redbeat_redis_url", "ONCE", "my_flag", "beat_dburi"]
)
def test_a_name_unlike_ours_may_be_the_users_own(name):
    assert may_be_own(name)


@pytest.mark.parametrize("name", ["task_color", "acept_content", "worker_speed", "enable_utcc"])
def test_a_name_like_ours_is_not(name):
    assert not may_be_own(name)


@pytest.mark.parametrize(
    "names",
    [
        ["task_serializer", "broker_url"],
        ["CELERY_TASK_SERIALIZER", "BROKER_URL"],
        ["task_serializer", "broker_url", "BROKER_URL"],
        ["task_serializer", "DEBUG"],
    ],
)
def test_one_language_a_source_is_accepted(names):
    refuse_mixed(names)

    assert all(canonical(name) or name == "DEBUG" for name in names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["task_serializer", "beat_schedule", "CELERYD_CONCURRENCY"],
            "old and new setting names in one place: CELERYD_CONCURRENCY beside beat_schedule, "
            "task_serializer; write 'worker_concurrency' for 'CELERYD_CONCURRENCY', "
            "or rename all to the new form",
        ),
        (
            ["task_serializer", "BROKER_URL", "CELERYD_CONCURRENCY"],
            "old and new setting names in one place: task_serializer beside BROKER_URL, "
            "CELERYD_CONCURRENCY; write 'CELERY_TASK_SERIALIZER' for 'task_serializer', "
            "or rename all to the new form",
        ),
    ],
)
def test_mixed_spellings_are_refused_naming_both(names, message):
    with pytest.raises(MixedSpellings) as refused:
        refuse_mixed(names)

    assert str(refused.value) == message


def test_given_in_both_spellings_the_new_one_counts():
    assert renamed({"broker_url": "new", "BROKER_URL": "old", "own": 1}) == {
        "broker_url": "new",
        "own": 1,
    }
