"""The Settings value: spellings, layers, first use, and what is shown of it."""

import copy
import pickle
import subprocess
import sys
from functools import partial

import pytest

from celeriac.domain.errors import ImproperlyConfigured, MixedSpellings, UnknownSetting
from celeriac.domain.settings import Settings


def test_a_setting_answers_as_attribute_and_item_in_both_spellings():
    conf = Settings(task_serializer="yaml")

    answers = (
        conf.task_serializer,
        conf["task_serializer"],
        conf.CELERY_TASK_SERIALIZER,
        conf["CELERY_TASK_SERIALIZER"],
        conf.get("CELERY_TASK_SERIALIZER"),
    )

    assert answers == ("yaml",) * 5
    assert "task_serializer" in conf
    assert "CELERY_TASK_SERIALIZER" in conf


def test_a_setting_may_be_set_in_every_way_celerys_may():
    conf = Settings({"task_acks_late": True})

    conf.task_time_limit = 30
    conf["CELERY_TASK_SERIALIZER"] = "yaml"
    conf.update({"worker_concurrency": 2}, result_extended=True)
    conf.setdefault("task_serializer", "json")

    assert conf.changes() == {
        "result_extended": True,
        "task_acks_late": True,
        "task_serializer": "yaml",
        "task_time_limit": 30,
        "worker_concurrency": 2,
    }


def test_an_unknown_name_is_no_attribute_item_or_member():
    conf = Settings()

    with pytest.raises(AttributeError, match="no setting 'task_ack_late'; did you mean 'task_acks"):
        _ = conf.task_ack_late
    with pytest.raises(KeyError):
        conf["task_ack_late"]
    assert conf.get("task_ack_late", 7) == 7
    assert "task_ack_late" not in conf
    assert 3 not in conf


@pytest.mark.parametrize(
    "attempt",
    [
        lambda conf: setattr(conf, "task_ack_late", True),
        lambda conf: conf.update(task_ack_late=True),
        lambda conf: conf.configure({"task_ack_late": True}),
        lambda conf: Settings(task_ack_late=True),
    ],
)
def test_a_slip_is_refused_with_the_right_name(attempt):
    conf = Settings()

    with pytest.raises(UnknownSetting) as refused:
        attempt(conf)

    assert str(refused.value) == "unknown setting 'task_ack_late'; did you mean 'task_acks_late'?"
    assert conf.changes() == {}


def test_a_value_of_the_wrong_type_is_refused_and_the_old_one_stays():
    conf = Settings(task_time_limit=5)

    with pytest.raises(ImproperlyConfigured, match="task_time_limit='soon': expected a number of"):
        conf.task_time_limit = "soon"

    assert conf.task_time_limit == 5


def test_keys_that_are_clearly_the_users_own_are_kept():
    conf = Settings()

    conf.ONCE = {"backend": "x"}
    conf.update(my_shop="here")

    assert (conf.ONCE, conf["my_shop"], conf.changes()) == (
        {"backend": "x"},
        "here",
        {"ONCE": {"backend": "x"}, "my_shop": "here"},
    )


def test_a_key_of_the_users_own_can_be_taken_back():
    conf = Settings(my_shop="here")
    assert conf.my_shop == "here"

    del conf.my_shop

    assert "my_shop" not in conf


def test_no_name_with_an_underscore_is_a_setting():
    with pytest.raises(AttributeError, match="no setting begins with an underscore: '_own'"):
        Settings()._own = 1


def test_what_an_extension_adds_is_known_from_then_on():
    conf = Settings()

    conf.add_defaults({"task_color": "red", "task_serializer": "yaml"})
    conf.task_color = "blue"
    conf.configure({"task_serializer": "json"})

    assert (conf.task_color, conf.task_serializer) == ("blue", "json")
    del conf.task_color
    assert conf.task_color == "red"
    conf.configure({"task_color": "green"})
    assert conf.task_color == "green"


def test_code_wins_over_configuration_and_configuration_over_defaults():
    conf = Settings(task_serializer="yaml")

    conf.configure({"task_serializer": "msgpack", "task_protocol": 1})

    assert (conf.task_serializer, conf.task_protocol, conf.task_acks_late) == ("yaml", 1, False)
    del conf["task_serializer"]
    assert conf.task_serializer == "msgpack"
    conf.configure({})
    assert (conf.task_serializer, conf.task_protocol) == ("json", 2)


def test_clearing_forgets_what_code_set():
    conf = Settings(task_serializer="yaml")
    conf.configure({"task_protocol": 1})

    conf.clear()

    assert conf.changes() == {"task_protocol": 1}


def test_only_what_was_set_can_be_deleted():
    conf = Settings()

    with pytest.raises(KeyError):
        del conf["task_serializer"]
    with pytest.raises(AttributeError, match="'task_serializer' was not set explicitly"):
        del conf.task_serializer


def test_an_unset_setting_follows_its_leader():
    conf = Settings(broker_url="redis://a")
    conf.task_default_queue = "shop"

    followed = (conf.broker_read_url, conf.broker_write_url, conf.task_default_exchange)
    conf.broker_read_url = "redis://b"
    conf.broker_url = "redis://c"
    del conf.task_default_queue

    assert followed == ("redis://a", "redis://a", "shop")
    assert (conf.broker_read_url, conf.broker_write_url) == ("redis://b", "redis://c")
    assert conf.task_default_routing_key == "celery"


def test_a_configured_leader_is_followed_too():
    conf = Settings()

    conf.configure({"task_default_queue": "shop"})

    assert conf.task_default_routing_key == "shop"


def test_a_source_is_read_on_first_use_and_once():
    reads = []

    def read():
        reads.append("read")
        return {"CELERY_TASK_SERIALIZER": "yaml"}

    conf = Settings(task_protocol=1)
    conf.configure_later(read)
    before = list(reads)

    values = (conf.task_serializer, conf.task_protocol, conf["task_serializer"])

    assert (before, values, reads) == ([], ("yaml", 1, "yaml"), ["read"])


@pytest.mark.parametrize("use", [len, list, dict, repr, pickle.dumps, copy.copy, Settings.finalize])
def test_every_use_reads_the_waiting_source(use):
    reads = []
    conf = Settings()
    conf.configure_later(lambda: reads.append("read") or {})

    use(conf)

    assert reads == ["read"]


def test_a_source_given_after_first_use_is_read_on_the_next():
    conf = Settings()
    conf.beat_schedule["tick"] = {"task": "t"}
    assert conf.task_serializer == "json"

    conf.configure_later(partial(dict, task_serializer="yaml"))

    assert (conf.task_serializer, conf.beat_schedule) == ("yaml", {"tick": {"task": "t"}})


def test_a_source_that_fails_fails_at_every_use_until_it_works():
    answers = [ImproperlyConfigured("not yet"), {"task_serializer": "yaml"}]

    def read():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    conf = Settings()
    conf.configure_later(read)

    with pytest.raises(ImproperlyConfigured, match="not yet"):
        _ = conf.task_serializer
    assert conf.task_serializer == "yaml"


def test_mixed_spellings_in_a_source_are_refused():
    with pytest.raises(MixedSpellings):
        Settings().configure({"task_serializer": "json", "CELERYD_CONCURRENCY": 2})


def test_no_two_settings_share_a_default_that_can_change():
    one, other = Settings(), Settings()

    one.beat_schedule["tick"] = {"task": "t"}
    one.database_engine_options["echo"] = True

    assert (other.beat_schedule, "echo" in other.database_engine_options) == ({}, False)
    assert list(one.changes()) == ["beat_schedule", "database_engine_options"]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, Settings.copy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_is_equal_and_independent(copied):
    conf = Settings(task_serializer="yaml", my_flag=1, task_routes={"a": "b"})
    conf.configure({"task_protocol": 1})
    conf.beat_schedule["tick"] = {"task": "t"}

    twin = copied(conf)

    assert dict(twin) == dict(conf)
    twin.beat_schedule["tock"] = {"task": "t"}
    twin.task_serializer = "json"
    twin.task_routes["c"] = "d"
    assert (list(conf.beat_schedule), conf.task_serializer) == (["tick"], "yaml")
    assert conf.task_routes == {"a": "b"}
    del twin.task_serializer
    assert (twin.task_serializer, twin.task_protocol) == ("json", 1)


def test_what_celerys_settings_offer_is_there():
    conf = Settings(task_default_queue="shop")

    assert conf.first("broker_url", "task_default_queue") == "shop"
    assert conf.get_by_parts("task", "default", "queue") == "shop"
    assert (conf.value_set_for("task_default_queue"), conf.value_set_for("timezone")) == (
        True,
        False,
    )
    assert conf.without_defaults() == {"task_default_queue": "shop"}
    assert len(conf.table(with_defaults=True)) == len(conf)


SECRETIVE = {
    "broker_url": "amqp://shop:hunter2@host:5672/v;redis://:hunter2@other/0",
    "result_backend": "db+postgresql://shop:hunter2@host/db?password=hunter2",
    "redis_password": "hunter2",
    "security_key_password": b"hunter2",
    "mongodb_backend_settings": {"host": "h", "password": "hunter2", "port": 1},
    "broker_read_url": ["redis://u:hunter2/@host"],
    "my_api_key": "hunter2",
    "task_serializer": "yaml",
}


@pytest.mark.parametrize(
    "show",
    [
        repr,
        Settings.humanize,
        Settings.table,
        partial(Settings.humanize, with_defaults=True),
        partial(Settings.table, with_defaults=True),
    ],
)
def test_nothing_that_is_shown_holds_a_secret(show):
    shown = str(show(Settings(SECRETIVE)))

    assert "hunter2" not in shown
    assert "yaml" in shown


def test_the_table_masks_only_the_secret_part():
    assert Settings(SECRETIVE).table() == {
        "broker_url": "amqp://shop:********@host:5672/v;redis://:********@other/0",
        "result_backend": "db+postgresql://shop:********@host/db?password=********",
        "redis_password": "********",
        "security_key_password": "********",
        "mongodb_backend_settings": {"host": "h", "password": "********", "port": 1},
        "broker_read_url": ["redis://u:********@host"],
        "my_api_key": "********",
        "task_serializer": "yaml",
    }


def test_uncensored_shows_what_is_there():
    conf = Settings(redis_password="hunter2", task_acks_late=True)

    assert conf.humanize(censored=False) == "redis_password: 'hunter2'\ntask_acks_late: True"


def test_the_descriptions_and_the_presentation_are_imported_only_when_asked_for():
    script = (
        "import sys; from celeriac.domain.settings import Settings; Settings().task_acks_late; "
        "print([m for m in ('difflib', 'json', 'celeriac.domain.settings.descriptions', "
        "'celeriac.domain.settings.presentation') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
