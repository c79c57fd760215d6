"""The Settings value: what an app is configured with.

Four layers, the later winning: built-in defaults, defaults that extensions add, one configuration
source, and what code sets explicitly. What must stay true: every value in it was converted and
checked on its way in; a source given to `configure_later` is read on first use and not before; once
a value is known, reading an attribute is a plain look-up, with no code of ours in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from .convert import convert
from .fields import OptionFields
from .names import canonical, may_be_own, question, refuse_mixed, renamed, unknown
from .options import DEFAULTS, FOLLOWS, fresh_defaults

Read = Callable[[], Mapping[str, Any]]

FOLLOWERS: dict[str, tuple[str, ...]] = {
    leader: tuple(name for name, led in FOLLOWS.items() if led == leader)
    for leader in FOLLOWS.values()
}


class Settings(OptionFields, MutableMapping[str, Any]):
    """Every setting as attribute and as item, in today's and in Celery's old spelling."""

    # The instance dictionary holds the values in force and nothing else; it is empty until first
    # use and whenever a new source waits to be read.
    __slots__ = ("_added", "_configured", "_explicit", "_fresh", "_pending")

    _added: dict[str, Any]
    _configured: dict[str, Any]
    _explicit: dict[str, Any]
    _fresh: dict[str, Any]
    _pending: Read | None

    def __init__(self, values: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        self._restore({}, {}, {}, {})
        if values or options:
            self.update(values or {}, **options)

    # --- the configuration source -------------------------------------------------------------

    def configure(self, values: Mapping[str, Any]) -> None:
        """Replace the configuration layer. Raises ImproperlyConfigured for what it cannot take."""
        self._set_layer("_pending", None)
        self._set_layer("_configured", self._checked_source(values))
        vars(self).clear()

    def configure_later(self, read: Read) -> None:
        """Replace the configuration layer by what `read` returns, called on first use.

        When `read` raises, so does that use, and the next one tries again.
        """
        self._set_layer("_pending", read)
        vars(self).clear()

    def add_defaults(self, d: Mapping[str, Any]) -> None:
        """Defaults of an extension; the only way to make a new name known."""
        checked = {canonical(name) or name: _checked(name, value) for name, value in d.items()}
        self._added.update(checked)
        vars(self).clear()

    def finalize(self) -> None:
        """Read the waiting source now."""
        self._values()

    # --- as a mapping -------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        values = self._values()
        if name in values:
            return values[name]
        return values[canonical(name) or name]

    def __setitem__(self, name: str, value: Any) -> None:
        known = canonical(name) or name
        self._refuse_unknown(name)
        self._explicit[known] = _checked(name, value)
        if vars(self):
            self._refresh(known)

    def __delitem__(self, name: str) -> None:
        known = canonical(name) or name
        del self._explicit[known]
        if vars(self):
            self._refresh(known)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._values()))

    def __len__(self) -> int:
        return len(self._values())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (canonical(name) or name) in self._values()

    def clear(self) -> None:
        """Forget what was set explicitly."""
        self._explicit.clear()
        vars(self).clear()

    # --- as attributes ------------------------------------------------------------------------
    # Hidden from type checkers, so that they refuse a name that `fields.py` does not have.

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self[name]
            except KeyError:
                pass
            raise AttributeError(f"no setting {name!r}{question(name)}", name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_"):
                raise AttributeError(f"no setting begins with an underscore: {name!r}")
            self[name] = value

        def __delattr__(self, name: str) -> None:
            try:
                del self[name]
            except KeyError:
                raise AttributeError(f"{name!r} was not set explicitly") from None

    # --- what differs from the defaults -------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """All that is not a built-in default, with defaults that were changed in place."""
        self._values()
        return {**self._touched(), **self._added, **self._configured, **self._explicit}

    def without_defaults(self) -> dict[str, Any]:
        """The same, under the name Celery's users know."""
        return self.changes()

    def value_set_for(self, key: str) -> bool:
        """Whether a setting differs from the built-in defaults by configuration or by code."""
        return (canonical(key) or key) in self.changes()

    def first(self, *names: str) -> Any:
        """The first of the named settings that is not None."""
        return next((self[name] for name in names if self.get(name) is not None), None)

    def get_by_parts(self, *parts: str) -> Any:
        """The setting whose name is the parts joined by underscores."""
        return self["_".join(part for part in parts if part)]

    def find_option(self, name: str, namespace: str = "") -> Any:
        """The section, the name there and the option of a name. Raises KeyError."""
        from .sections import find

        return find(name, namespace)

    def find_value_for_key(self, name: str, namespace: str = "celery") -> Any:
        """The value of the setting that `find_option` finds. Raises KeyError."""
        return self.get_by_parts(*self.find_option(name, namespace)[:-1])

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
        """The settings as a dictionary, secrets hidden unless `censored` is False."""
        shown = dict(self._values()) if with_defaults else self.changes()
        if not censored:
            return shown
        from .presentation import masked

        return {name: masked(name, value) for name, value in shown.items()}

    def humanize(self, with_defaults: bool = False, censored: bool = True) -> str:
        """The settings as text, one a line, secrets hidden unless `censored` is False."""
        from .presentation import humanize

        return humanize(self.table(with_defaults, censored))

    def copy(self) -> Settings:
        """An independent Settings of equal content; a waiting source is read."""
        return self.__copy__()

    def __copy__(self) -> Settings:
        twin = Settings()
        twin.__setstate__(self.__getstate__())
        return twin

    def __repr__(self) -> str:
        return f"Settings({self.table()})"

    def __getstate__(self) -> tuple[dict[str, Any], ...]:
        self._values()
        layers = (self._added, self._configured, self._explicit, self._touched())
        return tuple(_own_copy(layer) for layer in layers)

    def __setstate__(self, state: tuple[dict[str, Any], ...]) -> None:
        self._restore(*state)

    # --- inside -------------------------------------------------------------------------------

    def _restore(
        self,
        added: dict[str, Any],
        configured: dict[str, Any],
        explicit: dict[str, Any],
        touched: dict[str, Any],
    ) -> None:
        self._set_layer("_added", added)
        self._set_layer("_configured", configured)
        self._set_layer("_explicit", explicit)
        self._set_layer("_fresh", fresh_defaults() | touched)
        self._set_layer("_pending", None)
        vars(self).clear()

    def _set_layer(self, slot: str, content: dict[str, Any] | Read | None) -> None:
        object.__setattr__(self, slot, content)

    def _values(self) -> dict[str, Any]:
        return vars(self) or self._fill()

    def _fill(self) -> dict[str, Any]:
        # A source that is being read may itself look here, and gets what is known so far.
        if self._pending is not None:
            self._set_layer("_configured", self._checked_source(self._pending()))
            self._set_layer("_pending", None)
        values = {**DEFAULTS, **self._fresh, **self._added, **self._configured, **self._explicit}
        for name, leader in FOLLOWS.items():
            if values[name] is None:
                values[name] = values[leader]
        vars(self).update(values)
        return vars(self)

    def _refresh(self, name: str) -> None:
        layered = self._layered(name)
        if layered is None and name in FOLLOWS:
            layered = self._layered(FOLLOWS[name])
        if layered is ...:
            vars(self).pop(name, None)
        else:
            vars(self)[name] = layered
        for follower in FOLLOWERS.get(name, ()):
            self._refresh(follower)

    def _checked_source(self, values: Mapping[str, Any]) -> dict[str, Any]:
        refuse_mixed(values)
        for name in values:
            self._refuse_unknown(name)
        return renamed({name: _checked(name, value) for name, value in values.items()})

    def _refuse_unknown(self, name: str) -> None:
        if canonical(name) is None and name not in self._added and not may_be_own(name):
            raise unknown(name)

    def _layered(self, name: str) -> Any:
        """The value of a setting, or `...` where no layer has it."""
        for layer in (self._explicit, self._configured, self._added, self._fresh):
            if name in layer:
                return layer[name]
        return DEFAULTS.get(name, ...)

    def _touched(self) -> dict[str, Any]:
        originals = fresh_defaults()
        return {name: value for name, value in self._fresh.items() if value != originals[name]}


def _own_copy(layer: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(v) if type(v) is dict else v for name, v in layer.items()}


def _checked(name: str, value: Any) -> Any:
    known = canonical(name)
    return value if known is None else convert(known, value, spelled=name)
