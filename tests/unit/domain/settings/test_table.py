"""The table of settings against Celery 5.7's, its annotations and its descriptions."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from celeriac.domain.settings import Settings
from celeriac.domain.settings.convert import CONVERTERS, EXPECTED
from celeriac.domain.settings.descriptions import DESCRIPTIONS, described
from celeriac.domain.settings.fields import OptionFields
from celeriac.domain.settings.options import (
    CHOICES,
    DEFAULTS,
    DEPRECATED,
    FOLLOWS,
    KINDS,
    SECRETS,
    TABLE,
    fresh_defaults,
)

FACTS = json.loads(Path(__file__).with_name("celery_5_7_settings.json").read_text())

OURS = {
    "worker_health_port": None,
    "worker_queue_slots": {},
    "worker_chain_relay": 20,
    "result_chord_polling": False,
    "beat_lease": 15.0,
    "beat_missed_ticks": "once",
    "broker_publish_timeout": 5.0,
    "result_max_bytes": 67_108_864,
    "security_allowed_serializers": (),
    "security_serializer": "json",
    "task_max_crashes": 3,
    "worker_grace_period": 30.0,
    "worker_lease": 15.0,
    "worker_log_format_style": "text",
}

TYPES = {
    "address": "str",
    "any": "Any",
    "bool": "bool",
    "bytes": "bytes",
    "class": "str | type[Any]",
    "count": "int",
    "dict": "dict[str, Any]",
    "id": "str | int",
    "integer": "int",
    "level": "str | int",
    "lifetime": "float | timedelta",
    "name_or_callable": "str | Callable[..., Any]",
    "names": "list[str] | tuple[str, ...]",
    "number": "float",
    "path": "str",
    "queues": "Any",
    "rate": "str | float",
    "seconds": "float",
    "slots": 'int | Literal["auto"]',
    "text": "str",
    "timezone": "str | tzinfo",
    "tls": "bool | dict[str, Any]",
    "urls": "str | list[str] | tuple[str, ...]",
}

# Celery's word for a type -> our kinds that take what that type takes. Celery's word is only a
# hint to its own command line, and for the settings below a wrong one.
FITTING = {
    "any": {"any", "slots"},
    "bool": {"bool", "tls"},
    "bytes": {"bytes"},
    "dict": {"dict", "tls", "queues"},
    "float": {"seconds", "number", "lifetime"},
    "int": {"count", "integer", "seconds", "number", "choice"},
    "list": {"names"},
    "str": {"text"},
    "string": {
        "choice", "class", "id", "level", "name_or_callable", "path", "rate", "text", "timezone",
        "urls",
    },
    "tuple": {"names"},
}  # fmt: skip
MISTYPED_BY_CELERY = {"cassandra_auth_kwargs", "cassandra_port", "task_default_priority"}


def as_json(value):
    match value:
        case timedelta():
            return {"timedelta_seconds": value.total_seconds()}
        case tuple():
            return list(value)
        case str():
            return value.replace("celeriac.", "celery.")
        case float() if value == float("inf"):
            return "Infinity"
    return value


def annotation_for(name: str) -> str:
    kind = KINDS[name]
    plain = kind.removesuffix("?")
    if plain == "choice":
        shown = ", ".join(json.dumps(choice) for choice in CHOICES[name])
        return f"Literal[{shown}]"
    optional = plain != kind and TYPES[plain] != "Any"
    return f"{TYPES[plain]} | None" if optional else TYPES[plain]


def test_the_settings_are_those_of_celery_and_our_own():
    assert sorted(row[0] for row in TABLE) == sorted([*(fact["name"] for fact in FACTS), *OURS])


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["name"])
def test_a_setting_has_celerys_default_type_and_old_name(fact):
    option = next(option for option in described() if option.name == fact["name"])

    assert as_json(option.default) == fact["default"]
    assert option.old_name == fact["old_name"]
    assert fact["name"] in MISTYPED_BY_CELERY or option.kind.rstrip("?") in FITTING[fact["type"]]


@pytest.mark.parametrize(("name", "default"), OURS.items())
def test_our_own_settings_have_no_old_name(name, default):
    option = next(option for option in described() if option.name == name)

    assert (option.default, option.old_name) == (default, None)


def test_unset_settings_follow_the_same_leaders_as_celerys():
    assert {fact["name"]: fact["follows"] for fact in FACTS if "follows" in fact} == FOLLOWS


def test_annotations_and_table_say_the_same_in_the_same_order():
    annotated = {
        name: text.replace("'", '"') for name, text in OptionFields.__annotations__.items()
    }

    assert list(annotated.items()) == [(name, annotation_for(name)) for name in KINDS]


def test_every_default_is_a_value_its_own_kind_accepts():
    conf = Settings()

    for name, value in tuple(conf.items()):
        conf[name] = value

    assert dict(conf) == dict(Settings())


def test_every_setting_is_described():
    assert list(DESCRIPTIONS) == list(DEFAULTS)
    assert all(DESCRIPTIONS.values())


def test_the_small_tables_name_real_settings():
    assert {name for name, default in DEFAULTS.items() if default is ...} == set(fresh_defaults())
    assert {name for name, kind in KINDS.items() if kind.startswith("choice")} == set(CHOICES)
    assert {*SECRETS, *DEPRECATED, *FOLLOWS, *FOLLOWS.values()} <= set(DEFAULTS)


def test_every_kind_can_be_converted_to_and_explained():
    kinds = {kind.removesuffix("?") for kind in KINDS.values()} - {"choice"}

    assert kinds == set(CONVERTERS) == set(EXPECTED) == set(TYPES)
