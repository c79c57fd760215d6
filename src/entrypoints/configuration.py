"""Configuration from the world: modules, objects, the environment, the command line.

Every function here reads one source and returns `{today's name: value}`, ready for
`Settings.configure` (or, lazily, `configure_later(partial(config_from_object, ...))`) and
`Settings.update`. What must stay true: a name that was meant for us and is none of ours is refused
with the nearest right one, while what belongs to others (a framework's upper-case names, a module's
imports, functions and own variables) is left alone; each refusal names its source.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from ..domain.errors import ConfigurationNotFound, ImproperlyConfigured, UnknownSetting
from ..domain.settings.convert import convert, convert_text
from ..domain.settings.names import (
    OLD_TO_NEW,
    SURELY_MEANT,
    canonical,
    is_companion,
    may_be_own,
    nearest,
    refuse_mixed,
    renamed,
    unknown,
)
from ..domain.settings.options import DEFAULTS
from .configuration_source import Source, first_importable, opened

CONFIG_MODULE_VARIABLES = ("CELERIAC_CONFIG_MODULE", "CELERY_CONFIG_MODULE")
DEFAULT_MODULES = ("celeriacconfig", "celeryconfig")

# Celery reads these from the environment whatever the configuration says.
CELERY_VARIABLES: dict[str, str] = {
    "CELERY_BROKER_URL": "broker_url",
    "CELERY_BROKER_READ_URL": "broker_read_url",
    "CELERY_BROKER_WRITE_URL": "broker_write_url",
    "CELERY_RESULT_BACKEND": "result_backend",
}
OUR_VARIABLES = "CELERIAC_"

# What a variable must hold to be taken for a setting; a Queue or a function is a module's own.
PLAIN = (bool, int, float, str, bytes, list, tuple, dict, set, frozenset, timedelta, type(None))

# Casts that Celery's command line knows; ours takes the type from the setting.
CASTS = ("(int)", "(float)", "(bool)", "(string)", "(str)", "(dict)", "(list)", "(tuple)", "(any)")


def config_from_object(
    source: Any, namespace: str | None = None, silent: bool = False
) -> dict[str, Any]:
    """Settings from a mapping, an object, a module or a name of one.

    Args:
        source: A mapping, any object with attributes, `"package.module"`, `"package.module:name"`
            or the path of a Python file.
        namespace: Read only names that begin so: `CELERY` for `CELERY_TASK_SERIALIZER`.
        silent: Return nothing when the named module does not exist.

    Raises:
        ConfigurationNotFound: The name leads nowhere.
        ImproperlyConfigured: A name is unknown, a value cannot be taken, spellings are mixed.
    """
    try:
        found = opened(source)
    except ConfigurationNotFound:
        if silent:
            return {}
        raise
    with _naming(found.title):
        return _prefixed(found, namespace) if namespace else _unprefixed(found)


def config_from_envvar(
    variable: str,
    namespace: str | None = None,
    silent: bool = False,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Settings from the module that an environment variable names."""
    name = (os.environ if environ is None else environ).get(variable)
    if name:
        return config_from_object(name, namespace, silent)
    if silent:
        return {}
    raise ConfigurationNotFound(
        f"environment variable {variable} is not set: let it name the configuration module, "
        f"such as {variable}=celeryconfig"
    )


def config_from_default_module(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings from the module the environment names, else from celeriacconfig or celeryconfig.

    Without any of them there is nothing to read, and that is no error.
    """
    known = os.environ if environ is None else environ
    for variable in CONFIG_MODULE_VARIABLES:
        if known.get(variable):
            return config_from_envvar(variable, environ=known)
    found = first_importable(DEFAULT_MODULES)
    return config_from_object(found) if found else {}


def config_from_environment(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings from `CELERIAC_<NAME>` variables, and from the few that Celery reads.

    Celery lets these win over everything else, so apply them after the other sources.
    """
    known = os.environ if environ is None else environ
    theirs = {new: (old, known[old]) for old, new in CELERY_VARIABLES.items() if known.get(old)}
    with _naming("environment"):
        given = theirs | dict(_our_variables(known))
        return {
            name: convert_text(name, text, variable) for name, (variable, text) in given.items()
        }


def config_from_cmdline(words: Iterable[str], namespace: str = "worker") -> dict[str, Any]:
    """Settings from `setting=value` words; `concurrency=4` means `worker_concurrency=4`."""
    with _naming("command line"):
        return dict(_from_word(word, namespace) for word in words)


# --- choosing what is ours --------------------------------------------------------------------


def _unprefixed(source: Source) -> dict[str, Any]:
    refuse_mixed(source.values)
    return renamed(
        {
            spelled: _converted(spelled, value)
            for spelled, value in source.values.items()
            if canonical(spelled) or _is_kept(source, spelled, value)
        }
    )


def _is_kept(source: Source, name: str, value: Any) -> bool:
    """Whether an unknown name is kept (or, being somebody's own, left out); raises if a slip."""
    if is_companion(name):
        return True
    if source.is_mapping and not name.isupper():
        raise unknown(name)
    if not isinstance(value, PLAIN):
        return False
    if name.isupper():
        _refuse_upper_slip(name)
        return False
    if may_be_own(name):
        return True
    raise unknown(name, hint="if it is a variable of your own, let its name begin with '_'")


def _refuse_upper_slip(name: str) -> None:
    if name.startswith("CELERY_") and name.removeprefix("CELERY_").lower() in DEFAULTS:
        raise unknown(name, hint="names with this prefix are read with namespace='CELERY'")
    if name.startswith(("CELERY", "BROKER_")) and nearest(name, likeness=SURELY_MEANT):
        raise unknown(name)


def _prefixed(source: Source, namespace: str) -> dict[str, Any]:
    prefix = namespace if namespace.endswith("_") else f"{namespace}_"
    chosen = {}
    for name in source.values:
        if not name.startswith(prefix):
            continue
        value = source.values[name]
        setting = name.removeprefix(prefix).lower()
        if setting in DEFAULTS or is_companion(setting):
            chosen[setting] = _converted(setting, value, name)
        elif isinstance(value, PLAIN):
            raise _unknown_prefixed(name, prefix, setting)
    return chosen


def _unknown_prefixed(name: str, prefix: str, setting: str) -> ImproperlyConfigured:
    meant = (OLD_TO_NEW[name],) if name in OLD_TO_NEW else nearest(setting)
    written = [prefix + (near.upper() if prefix.isupper() else near) for near in meant]
    why = "is an old spelling that a namespace does not have" if name in OLD_TO_NEW else ""
    question = f"; did you mean {' or '.join(map(repr, written))}?" if written else ""
    return UnknownSetting(f"unknown setting {name!r}{why and f', which {why}'}{question}")


def _our_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for variable, text in environ.items():
        if not variable.startswith(OUR_VARIABLES) or variable in CONFIG_MODULE_VARIABLES:
            continue
        name = variable.removeprefix(OUR_VARIABLES).lower()
        if name in DEFAULTS:
            yield name, (variable, text)
        elif meant := nearest(name, likeness=SURELY_MEANT):
            right = OUR_VARIABLES + meant[0].upper()
            raise UnknownSetting(f"unknown setting {variable!r}; did you mean {right!r}?")


def _from_word(word: str, namespace: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ImproperlyConfigured(
            f"{word!r} is no setting: write name=value, such as worker_prefetch_multiplier=1"
        )
    spelled = key.strip().strip(".").replace(".", "_")
    name = next(
        (known for known in map(canonical, (f"{namespace}_{spelled}", spelled)) if known), None
    )
    if name is None:
        raise unknown(spelled)
    text = text.strip()
    cast = next((cast for cast in CASTS if text.startswith(cast)), "")
    return name, convert_text(name, text.removeprefix(cast), key)


# --- values and messages ----------------------------------------------------------------------


def _converted(name: str, value: Any, spelled: str | None = None) -> Any:
    known = canonical(name)
    return value if known is None else convert(known, value, spelled or name)


@contextmanager
def _naming(title: str) -> Iterator[None]:
    """Put the source in front of what is wrong with it."""
    try:
        yield
    except ConfigurationNotFound:
        raise
    except ImproperlyConfigured as error:
        raise type(error)(f"{title}: {error}") from None
