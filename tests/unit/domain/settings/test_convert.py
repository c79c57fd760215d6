"""What a setting accepts, what it becomes, and how the rest is refused."""

from datetime import UTC, timedelta
from pathlib import PurePosixPath

import pytest

from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.settings import convert, convert_text


def choose(names):
    return names


@pytest.mark.parametrize(
    ("name", "given", "held"),
    [
        ("task_acks_late", "yes", True),
        ("task_acks_late", 0, False),
        ("task_reject_on_worker_lost", None, None),
        ("worker_prefetch_multiplier", "10", 10),
        ("worker_prefetch_multiplier", 2.0, 2),
        ("result_cache_max", -1, -1),
        ("task_time_limit", timedelta(minutes=2), 120.0),
        ("task_time_limit", "2.5", 2.5),
        ("task_time_limit", 30, 30),
        ("task_time_limit", None, None),
        ("result_expires", timedelta(hours=1), timedelta(hours=1)),
        ("result_expires", 3600, 3600),
        ("result_failure_expires", timedelta(days=7), timedelta(days=7)),
        ("result_failure_expires", "3600", 3600.0),
        ("result_failure_expires", 0, 0),
        ("result_backend_max_retries", float("inf"), float("inf")),
        ("accept_content", "json", ("json",)),
        ("accept_content", ["json", "yaml"], ["json", "yaml"]),
        ("accept_content", {"yaml", "json"}, ("json", "yaml")),
        ("imports", "shop.tasks, shop.mail", ("shop.tasks", "shop.mail")),
        ("broker_url", "redis://a;redis://b", "redis://a;redis://b"),
        ("broker_url", ["redis://a", "redis://b"], ["redis://a", "redis://b"]),
        ("broker_use_ssl", {"ca": "x"}, {"ca": "x"}),
        ("broker_use_ssl", True, True),
        ("broker_failover_strategy", choose, choose),
        ("security_key_password", "pw", b"pw"),
        ("security_key", PurePosixPath("/etc/key"), "/etc/key"),
        ("beat_scheduler", dict, dict),
        ("worker_umask", 0o22, 18),
        ("worker_concurrency", "auto", "auto"),
        ("worker_concurrency", "4", 4),
        ("worker_redirect_stdouts_level", "info", "INFO"),
        ("worker_redirect_stdouts_level", 20, 20),
        ("task_default_rate_limit", "10/m", "10/m"),
        ("task_default_rate_limit", 5, 5),
        ("task_default_delivery_mode", "Persistent", "persistent"),
        ("task_default_delivery_mode", 1, 1),
        ("task_protocol", "1", 1),
        ("worker_pool", "my.pool:Pool", "my.pool:Pool"),
        ("timezone", UTC, UTC),
        ("task_queues", ({"name": "a"},), ({"name": "a"},)),
    ],
)
def test_a_value_written_rightly_is_taken(name, given, held):
    converted = convert(name, given)

    assert (type(converted), converted) == (type(held), held)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "task_time_limit",
            "soon",
            "task_time_limit='soon': expected a number of seconds, such as 30.0",
        ),
        ("task_time_limit", -1, "task_time_limit=-1: expected a number of seconds, such as 30.0"),
        ("task_time_limit", True, "task_time_limit=True: expected a number of seconds"),
        ("worker_lease", None, "worker_lease=None: expected a number of seconds"),
        ("worker_lease", float("nan"), "worker_lease=nan: expected a number of seconds"),
        ("task_acks_late", "maybe", "task_acks_late='maybe': expected True or False"),
        ("task_acks_late", None, "task_acks_late=None: expected True or False"),
        ("worker_prefetch_multiplier", 1.5, "worker_prefetch_multiplier=1.5: expected a whole"),
        ("worker_prefetch_multiplier", -1, "worker_prefetch_multiplier=-1: expected a whole"),
        ("worker_prefetch_multiplier", float("inf"), "worker_prefetch_multiplier=inf: expected"),
        ("task_serializer", 3, "task_serializer=3: expected text, such as 'name'"),
        ("accept_content", [1], "accept_content=[1]: expected a list of names"),
        ("accept_content", 7, "accept_content=7: expected a list of names"),
        ("beat_schedule", [], "beat_schedule=[]: expected a mapping"),
        ("task_queues", "a", "task_queues='a': expected a list of queues"),
        ("task_default_rate_limit", "10/d", "task_default_rate_limit='10/d': expected a rate"),
        ("worker_redirect_stdouts_level", "LOUD", "worker_redirect_stdouts_level='LOUD': expected"),
        (
            "beat_missed_ticks",
            "never",
            "beat_missed_ticks='never': expected one of 'once', 'skip', 'all'",
        ),
        ("task_protocol", True, "task_protocol=True: expected one of 1, 2"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_was_expected(name, given, message):
    with pytest.raises(ImproperlyConfigured) as refused:
        convert(name, given)

    assert str(refused.value).startswith(message)


def test_a_refusal_uses_the_spelling_of_the_user():
    with pytest.raises(ImproperlyConfigured, match=r"^CELERYD_TASK_TIME_LIMIT='soon': "):
        convert("task_time_limit", "soon", spelled="CELERYD_TASK_TIME_LIMIT")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("redis_password", ["hunter2"]),
        ("redis_password", 4322),
        ("broker_url", ["redis://:hunter2@host", 3]),
        ("broker_transport", {"password": "hunter2"}),
    ],
)
def test_a_refusal_never_quotes_a_secret(name, given):
    with pytest.raises(ImproperlyConfigured) as refused:
        convert(name, given)

    assert "hunter2" not in str(refused.value)
    assert "4322" not in str(refused.value)
    assert "********" in str(refused.value)


def test_a_refusal_stays_short_however_long_the_value():
    with pytest.raises(ImproperlyConfigured) as refused:
        convert("task_serializer", list(range(10_000)))

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("name", "text", "held"),
    [
        ("task_acks_late", "true", True),
        ("worker_concurrency", "10", 10),
        ("task_time_limit", "none", None),
        ("beat_schedule", '{"a": {"task": "t"}}', {"a": {"task": "t"}}),
        ("broker_use_ssl", '{"ca": "x"}', {"ca": "x"}),
        ("broker_use_ssl", "on", True),
        ("accept_content", '["json", "yaml"]', ["json", "yaml"]),
        ("accept_content", "json,yaml", ("json", "yaml")),
        ("task_routes", '{"t": {"queue": "q"}}', {"t": {"queue": "q"}}),
        ("task_routes", "shop.routes", "shop.routes"),
        ("redis_password", "12", "12"),
    ],
)
def test_text_becomes_what_the_setting_holds(name, text, held):
    assert convert_text(name, text) == held


def test_text_that_is_no_mapping_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"beat_schedule='\{oops': expected a mapping"):
        convert_text("beat_schedule", "{oops")
