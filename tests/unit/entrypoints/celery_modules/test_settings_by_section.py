"""Settings by section, and options, as Celery's users look at them."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.settings import Settings
from celeriac.entrypoints.celery_modules.app_defaults import (
    DEFAULTS,
    NAMESPACES,
    Namespace,
    Option,
    find,
    flatten,
    old_ns,
)
from celeriac.entrypoints.celery_modules.app_utils import detect_settings, sanitize_url


def test_a_setting_is_found_by_its_section_by_its_name_there_or_whole():
    assert find("extended", "result")[:2] == ("result", "extended")
    assert find("concurrency")[:2] == ("worker", "concurrency")
    assert find("timezone")[:2] == (None, "timezone")
    assert find("worker_pool")[:2] == (None, "worker_pool")
    assert find("WORKER_POOL").type.default == "prefork"
    with pytest.raises(KeyError):
        find("nothing_of_that_name")


def test_the_value_of_a_setting_is_found_likewise():
    conf = Settings(result_extended=True, worker_concurrency=3)

    assert conf.find_value_for_key("extended", "result") is True
    assert conf.find_value_for_key("concurrency") == 3
    assert conf.find_option("extended", "result").type.type == "bool"


def test_sections_hold_every_option_once():
    names = [name for name, _ in flatten(NAMESPACES)]

    assert sorted(names) == sorted(DEFAULTS)
    assert NAMESPACES["task"]["acks_late"].old == {"CELERY_ACKS_LATE"}
    assert list(flatten({"a": {"b": 1}}, keyfilter=lambda ns, key, _: [ns.upper() + key])) == [
        "A_b"
    ]


def test_an_option_takes_values_as_the_setting_does():
    assert NAMESPACES["task"]["acks_late"].to_python("yes") is True
    with pytest.raises(ImproperlyConfigured, match="worker_concurrency"):
        NAMESPACES["worker"]["concurrency"].to_python("many")


def test_an_option_of_somebodys_own_has_one_of_celerys_types():
    option = Option(4, type="int", alt="other_name")

    assert (option.to_python("7"), option.alt) == (7, "other_name")
    assert repr(option) == "<Option: type->int default->4>"
    made = Namespace(__old__=old_ns("shop"), size=option, kept=Option(old={"KEPT"}))
    assert (made["size"].old, made["kept"].old) == ({"shop_size"}, {"KEPT"})


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        ({"task_acks_late": True}, None),
        ({"CELERY_ACKS_LATE": True}, None),
        ({"SHOP_TASK_ACKS_LATE": True, "UNRELATED": 1}, "SHOP"),
    ],
)
def test_settings_are_made_of_a_source_in_any_spelling(source, prefix):
    made = detect_settings(source, {"timezone": "UTC"}, prefix=prefix)

    assert (made.task_acks_late, made.timezone) == (True, "UTC")


def test_mixed_spellings_are_refused():
    with pytest.raises(ImproperlyConfigured, match="CELERY_ACKS_LATE"):
        detect_settings({"CELERY_ACKS_LATE": True, "task_track_started": True})


def test_passwords_are_hidden_in_every_url():
    assert (
        sanitize_url("redis://me:secret@a;redis://:secret@b")
        == "redis://me:********@a;redis://:********@b"
    )
    assert sanitize_url("redis://me:secret@a", mask="?") == "redis://me:?@a"
    assert sanitize_url(None) is None


def test_queues_may_be_of_a_class_of_ones_own():
    from celeriac.entrypoints.celery_modules.app_amqp import AMQP, Queues

    class Known(Queues):
        pass

    class Mine(AMQP):
        queues_cls = Known

    with Celeriac("a", broker="memory://", amqp=Mine, set_as_current=False) as app:
        queue = app.amqp.queues.add_compat("mail", exchange="post", binding_key="letters")

        assert isinstance(app.amqp.queues, Known)
        assert (queue.exchange.name, queue.routing_key) == ("post", "letters")
        assert app.amqp.queues.new_missing("other").name == "other"
        assert app.amqp.Connection("redis://elsewhere").as_uri() == "redis://elsewhere"
        assert app.amqp.publisher_pool.acquire().app is app.amqp.Producer().app is app
