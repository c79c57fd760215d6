"""Settings by section: `worker` and `concurrency` for `worker_concurrency`, as Celery's users ask.

Imported by whoever asks, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple

from .convert import CONVERTERS, convert
from .options import DEFAULTS, TABLE, fresh_defaults

#: Options that are in no section.
ALONE = frozenset(
    (
        "accept_content",
        "enable_utc",
        "imports",
        "include",
        "override_backends",
        "result_accept_content",
        "timezone",
    )
)

#: What Celery calls the types of options → our kinds.
_KINDS: dict[str, str] = {
    "string": "text",
    "int": "integer",
    "float": "number",
    "any": "any",
    "bool": "bool",
    "dict": "dict",
    "tuple": "names",
    "list": "names",
}


class Option:
    """An option: its default, its type, its old spellings, and the name it is known by, if any."""

    #: A type → what makes a value of it.
    typemap: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        name: CONVERTERS[kind] for name, kind in _KINDS.items()
    }
    name: str | None = None
    alt: str | None = None
    deprecate_by: str | None = None
    remove_by: str | None = None
    old: frozenset[str] | set[str] = frozenset()

    def __init__(self, default: Any = None, *args: Any, **kwargs: Any) -> None:
        """Describe an option; keywords are its attributes."""
        self.default = default
        self.type: str = kwargs.pop("type", None) or "string"
        vars(self).update(kwargs)

    def to_python(self, value: Any) -> Any:
        """Return a value as the option takes it. Raises InvalidSetting or ValueError."""
        if self.name is not None:
            return convert(self.name, value)
        return self.typemap[self.type](value)

    def __repr__(self) -> str:
        """Show type and default."""
        return f"<Option: type->{self.type} default->{self.default!r}>"


class Found(NamedTuple):
    """An option, the section it is in, and its name there."""

    namespace: str | None
    key: str
    type: Any


Sections = dict[str, Any]


@cache
def sections() -> Sections:
    """Return all options: those of a section in a dictionary under its name."""
    made: Sections = {}
    defaults = {**DEFAULTS, **fresh_defaults()}
    names = {kind: name for name, kind in reversed(_KINDS.items())}
    for name, kind, _, old in TABLE:
        plain = kind.removesuffix("?")
        option = Option(
            defaults[name],
            type=names.get(plain, plain),
            name=name,
            old=frozenset((old,) if old else ()),
        )
        section, _, key = name.partition("_")
        if name in ALONE:
            made[name] = option
        else:
            made.setdefault(section, {})[key] = option
    return made


def flatten(options: Mapping[str, Any], root: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (whole name, option) of options in sections."""
    for key, option in options.items():
        if isinstance(option, Mapping):
            yield from flatten(option, f"{root}{key}_")
        else:
            yield root + key, option


def find(name: str, namespace: str = "celery") -> Found:
    """Find an option by its name in a section, in any other, or by its whole name.

    Raises KeyError.
    """
    known, name, namespace = sections(), name.lower(), namespace.lower()
    if name in known.get(namespace, ()):
        return Found(namespace, name, known[namespace][name])
    if name in known:
        return Found(None, name, known[name])
    for section, options in known.items():
        if isinstance(options, dict) and name in options:
            return Found(section, name, options[name])
    return Found(None, name, dict(flatten(known))[name])
