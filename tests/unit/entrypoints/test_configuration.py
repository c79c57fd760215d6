"""Reading configuration from the world: what is taken, what is left alone, what is refused."""

import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from celeriac.domain.errors import (
    ConfigurationNotFound,
    ImproperlyConfigured,
    InvalidSetting,
    MixedSpellings,
    UnknownSetting,
)
from celeriac.domain.settings import Settings
from celeriac.entrypoints.configuration import (
    config_from_cmdline,
    config_from_default_module,
    config_from_environment,
    config_from_envvar,
    config_from_object,
)

MODULE = """\
import os
from collections import OrderedDict

_private_name = "x"
rabbit_host = "example.org"
broker_url = f"amqp://{rabbit_host}"
task_time_limit = 30
DEBUG = True


def task_router(name, args, kwargs, options):
    return None


task_routes = task_router
"""


class Configured:
    """As Django's settings object: upper-case attributes and machinery of its own."""

    def __init__(self, **values):
        vars(self).update(values)

    @property
    def configured(self):
        return True

    def is_overridden(self, name):
        return False


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory that is not on sys.path, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("celeryconfig", "celeriacconfig", "shop_", "broken_")):
            del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# --- objects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        {"CELERY_TASK_SERIALIZER": "yaml", "CELERYD_CONCURRENCY": "2"},
        {"task_serializer": "yaml", "worker_concurrency": 2},
        SimpleNamespace(task_serializer="yaml", worker_concurrency=2),
        type("Config", (), {"task_serializer": "yaml", "worker_concurrency": 2}),
        type("Config", (), {"task_serializer": "yaml", "worker_concurrency": 2})(),
    ],
)
def test_mappings_objects_and_classes_are_read(source):
    assert config_from_object(source) == {"task_serializer": "yaml", "worker_concurrency": 2}


def test_a_framework_keeps_its_upper_case_names_to_itself():
    django = Configured(DEBUG=True, DATABASES={}, SECRET_KEY="x", BROKER_URL="amqp://h")

    assert config_from_object(django) == {"broker_url": "amqp://h"}


def test_with_a_namespace_only_prefixed_names_are_read():
    django = Configured(
        DEBUG=True,
        BROKER_URL="not this",
        CELERY_BROKER_URL="amqp://h",
        CELERY_TASK_SERIALIZER="yaml",
        CELERY_REDBEAT_REDIS_URL="redis://h",
        CELERY_ROUTER=print,
    )

    assert config_from_object(django, namespace="CELERY") == {
        "broker_url": "amqp://h",
        "redbeat_redis_url": "redis://h",
        "task_serializer": "yaml",
    }


def test_a_lower_case_namespace_works_too():
    assert config_from_object({"shop_task_protocol": 1}, namespace="shop_") == {"task_protocol": 1}


def test_attributes_outside_the_namespace_are_not_even_touched():
    class Lazy:
        CELERY_TASK_PROTOCOL = 1

        def __dir__(self):
            return ["CELERY_TASK_PROTOCOL", "DEPRECATED"]

        def __getattr__(self, name):
            if name == "DEPRECATED":
                pytest.fail("was read")
            raise AttributeError(name)

    assert config_from_object(Lazy(), namespace="CELERY") == {"task_protocol": 1}


@pytest.mark.parametrize(
    ("source", "namespace", "message"),
    [
        (
            {"task_ack_late": True},
            None,
            "configuration mapping: unknown setting 'task_ack_late'; did you mean "
            "'task_acks_late'?",
        ),
        (
            SimpleNamespace(task_ack_late=True),
            None,
            "SimpleNamespace: unknown setting 'task_ack_late'; did you mean 'task_acks_late'? "
            "(if it is a variable of your own, let its name begin with '_')",
        ),
        (
            Configured(CELERY_TASK_ACKS_LATE=True),
            None,
            "Configured: unknown setting 'CELERY_TASK_ACKS_LATE'; did you mean 'task_acks_late'? "
            "(names with this prefix are read with namespace='CELERY')",
        ),
        (
            Configured(CELERYD_CONCURENCY=2),
            None,
            "Configured: unknown setting 'CELERYD_CONCURENCY'; did you mean 'CELERYD_CONCURRENCY'?",
        ),
        (
            Configured(CELERY_TASK_ACK_LATE=True),
            "CELERY",
            "Configured: unknown setting 'CELERY_TASK_ACK_LATE'; did you mean "
            "'CELERY_TASK_ACKS_LATE'?",
        ),
        (
            Configured(CELERY_ACKS_LATE=True),
            "CELERY",
            "Configured: unknown setting 'CELERY_ACKS_LATE', which is an old spelling that a "
            "namespace does not have; did you mean 'CELERY_TASK_ACKS_LATE'?",
        ),
        (
            {"CELERY_QQQ": 1},
            "CELERY",
            "configuration mapping: unknown setting 'CELERY_QQQ'",
        ),
    ],
)
def test_a_slip_is_refused_naming_source_and_fix(source, namespace, message):
    with pytest.raises(UnknownSetting) as refused:
        config_from_object(source, namespace)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("source", "namespace", "message"),
    [
        ({"task_time_limit": "soon"}, None, "configuration mapping: task_time_limit='soon': "),
        ({"CELERYD_CONCURRENCY": -1}, None, "configuration mapping: CELERYD_CONCURRENCY=-1: "),
        (Configured(CELERY_TASK_PROTOCOL=3), "CELERY", "Configured: CELERY_TASK_PROTOCOL=3: "),
    ],
)
def test_a_wrong_value_is_refused_naming_source_spelling_and_value(source, namespace, message):
    with pytest.raises(InvalidSetting) as refused:
        config_from_object(source, namespace)

    assert str(refused.value).startswith(message + "expected ")


def test_mixed_spellings_are_refused_naming_both():
    with pytest.raises(MixedSpellings, match="CELERYD_CONCURRENCY beside beat_schedule, task_pro"):
        config_from_object({"task_protocol": 1, "beat_schedule": {}, "CELERYD_CONCURRENCY": 2})


# --- modules and files ------------------------------------------------------------------------


def test_a_module_is_read_and_its_own_things_are_left_alone(project):
    write(project / "shop_config.py", MODULE)

    config = config_from_object("shop_config")

    assert config == {
        "broker_url": "amqp://example.org",
        "rabbit_host": "example.org",
        "task_routes": sys.modules["shop_config"].task_router,
        "task_time_limit": 30,
    }
    assert str(project) not in sys.path


@pytest.mark.parametrize("name", ["shop_pkg.conf:Config", "shop_pkg.conf.Config"])
def test_an_object_in_a_module_is_found_by_colon_or_dot(project, name):
    write(project / "shop_pkg" / "conf.py", "class Config:\n    task_protocol = 1\n")

    assert config_from_object(name) == {"task_protocol": 1}


def test_a_file_is_read_by_its_path(project):
    write(project / "etc" / "my-worker.py", "task_protocol = 1\n")

    assert config_from_object("etc/my-worker.py") == {"task_protocol": 1}
    assert config_from_object(project / "etc" / "my-worker.py") == {"task_protocol": 1}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop_absent", "no module 'shop_absent' for configuration 'shop_absent': check its"),
        ("shop_absent:Config", "no module 'shop_absent' for configuration 'shop_absent:Config'"),
        ("json:Config", "configuration 'json:Config': module 'json' has no 'Config'"),
        ("json.Config", "configuration 'json.Config': module 'json' has no 'Config'"),
        ("absent.py", "no configuration file 'absent.py'"),
    ],
)
def test_a_name_that_leads_nowhere_says_so_unless_silenced(project, name, message):
    with pytest.raises(ConfigurationNotFound) as refused:
        config_from_object(name)

    assert str(refused.value).startswith(message)
    assert isinstance(refused.value, ImportError)
    assert config_from_object(name, silent=True) == {}


@pytest.mark.parametrize("silent", [True, False])
def test_a_module_that_is_broken_is_not_taken_for_an_absent_one(project, silent):
    write(project / "broken_config.py", "import broken_dependency_of_it\n")

    with pytest.raises(ModuleNotFoundError, match="broken_dependency_of_it"):
        config_from_object("broken_config", silent=silent)


def test_an_error_in_a_module_names_the_module(project):
    write(project / "shop_wrong.py", "task_time_limit = 'soon'\n")

    with pytest.raises(
        InvalidSetting, match=r"^shop_wrong: task_time_limit='soon': expected a num"
    ):
        config_from_object("shop_wrong")


def test_the_module_is_imported_when_the_settings_are_first_used(project):
    write(project / "shop_lazy.py", "task_protocol = 1\n")
    conf = Settings()

    conf.configure_later(partial(config_from_object, "shop_lazy"))

    assert "shop_lazy" not in sys.modules
    assert conf.task_protocol == 1
    assert "shop_lazy" in sys.modules


# --- the module named by the environment, or the default one ----------------------------------


def test_an_environment_variable_may_name_the_module(project):
    write(project / "shop_env.py", "task_protocol = 1\n")

    assert config_from_envvar("SHOP", environ={"SHOP": "shop_env"}) == {"task_protocol": 1}


def test_a_missing_variable_says_how_to_set_it_unless_silenced():
    with pytest.raises(ConfigurationNotFound) as refused:
        config_from_envvar("SHOP", environ={})

    assert str(refused.value) == (
        "environment variable SHOP is not set: let it name the configuration module, "
        "such as SHOP=celeryconfig"
    )
    assert config_from_envvar("SHOP", silent=True, environ={}) == {}


@pytest.mark.parametrize(
    ("files", "environ", "protocol"),
    [
        ([], {}, None),
        (["celeryconfig"], {}, 1),
        (["celeryconfig", "celeriacconfig"], {}, 2),
        (["celeryconfig", "shop_named"], {"CELERY_CONFIG_MODULE": "shop_named"}, 2),
        (["celeryconfig", "shop_named"], {"CELERIAC_CONFIG_MODULE": "shop_named"}, 2),
    ],
)
def test_the_default_module_is_found_where_there_is_one(project, files, environ, protocol):
    for number, name in enumerate(files, start=1):
        write(project / f"{name}.py", f"task_protocol = {number}\n")

    config = config_from_default_module(environ)

    assert config == ({} if protocol is None else {"task_protocol": protocol})


# --- environment and command line -------------------------------------------------------------


def test_the_environment_gives_typed_settings_and_ours_win_over_celerys():
    environ = {
        "PATH": "/bin",
        "CELERY_BROKER_URL": "amqp://theirs",
        "CELERY_RESULT_BACKEND": "redis://theirs",
        "CELERY_TASK_SERIALIZER": "celery does not read this one",
        "CELERIAC_BROKER_URL": "amqp://ours",
        "CELERIAC_WORKER_CONCURRENCY": "4",
        "CELERIAC_TASK_ACKS_LATE": "true",
        "CELERIAC_BEAT_SCHEDULE": '{"tick": {"task": "t"}}',
        "CELERIAC_CONFIG_MODULE": "shop",
        "CELERIAC_APP": "somebody else's",
    }

    assert config_from_environment(environ) == {
        "beat_schedule": {"tick": {"task": "t"}},
        "broker_url": "amqp://ours",
        "result_backend": "redis://theirs",
        "task_acks_late": True,
        "worker_concurrency": 4,
    }


def test_the_environment_of_the_process_is_the_default(monkeypatch):
    monkeypatch.setenv("CELERIAC_TASK_PROTOCOL", "1")

    assert config_from_environment()["task_protocol"] == 1


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"CELERIAC_WORKER_CONCURENCY": "4"},
            "environment: unknown setting 'CELERIAC_WORKER_CONCURENCY'; did you mean "
            "'CELERIAC_WORKER_CONCURRENCY'?",
        ),
        (
            {"CELERIAC_TASK_TIME_LIMIT": "soon"},
            "environment: CELERIAC_TASK_TIME_LIMIT='soon': expected a number of seconds, "
            "such as 30.0",
        ),
    ],
)
def test_what_the_environment_gives_wrongly_is_refused_naming_the_variable(environ, message):
    with pytest.raises(ImproperlyConfigured) as refused:
        config_from_environment(environ)

    assert str(refused.value) == message


def test_the_command_line_gives_typed_settings_of_its_namespace():
    words = [
        "prefetch_multiplier=1",
        ".concurrency=auto",
        "worker.lost_wait=2.5",
        "task_acks_late=yes",
        'broker_transport_options={"a": 1}',
        "task_protocol=(int)1",
        "CELERY_TASK_SERIALIZER=yaml",
        "broker_url=amqp://h/?a=b",
    ]

    assert config_from_cmdline(words) == {
        "broker_transport_options": {"a": 1},
        "broker_url": "amqp://h/?a=b",
        "task_acks_late": True,
        "task_protocol": 1,
        "task_serializer": "yaml",
        "worker_concurrency": "auto",
        "worker_lost_wait": 2.5,
        "worker_prefetch_multiplier": 1,
    }
    assert config_from_cmdline(["max_loop_interval=5"], "beat") == {"beat_max_loop_interval": 5.0}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "worker_concurency=4",
            "command line: unknown setting 'worker_concurency'; did you mean 'worker_concurrency'?",
        ),
        (
            "concurrency",
            "command line: 'concurrency' is no setting: write name=value, such as "
            "worker_prefetch_multiplier=1",
        ),
        (
            "prefetch_multiplier=many",
            "command line: prefetch_multiplier='many': expected a whole number, zero or more, "
            "such as 4",
        ),
    ],
)
def test_a_word_that_cannot_be_taken_is_refused(word, message):
    with pytest.raises(ImproperlyConfigured) as refused:
        config_from_cmdline([word])

    assert str(refused.value) == message


def test_what_is_read_is_ready_for_the_settings():
    conf = Settings()

    conf.configure(config_from_object({"CELERY_TASK_SERIALIZER": "yaml", "ONCE": {"a": 1}}))
    conf.update(config_from_environment({"CELERY_BROKER_URL": "amqp://h"}))

    assert conf.changes() == {
        "ONCE": {"a": 1},
        "broker_url": "amqp://h",
        "task_serializer": "yaml",
    }
