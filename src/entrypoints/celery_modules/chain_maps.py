"""Mappings looked through one after the other, as `celery.utils.collections` has them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import Any, Self

from .object_maps import AttributeDictMixin, force_mapping
from .text import match_case

Observer = Callable[..., Any]


class ChainMap(MutableMapping[Any, Any]):
    """Mappings looked through one after the other; the first takes what is set."""

    #: What keys are made into, such as `str.lower`; None leaves them.
    key_t: Callable[[Any], Any] | None = None
    #: The first mapping.
    changes: Any = None
    #: The others.
    defaults: list[Any] = []  # noqa: RUF012 - each object has its own
    #: All of them.
    maps: list[Any] = []  # noqa: RUF012 - each object has its own
    _observers: Sequence[Observer] = ()

    def __init__(self, *maps: Any, **kwargs: Any) -> None:
        """Look through these; `key_t` is what keys are made into."""
        found = list(maps) or [{}]
        # Past __setattr__, which heirs use for items.
        vars(self).update(
            key_t=kwargs.get("key_t"),
            maps=found,
            changes=found[0],
            defaults=found[1:],
            _observers=[],
        )

    def add_defaults(self, d: Any) -> None:
        """Look through this one too, before the other defaults."""
        mapping = force_mapping(d)
        self.defaults.insert(0, mapping)
        self.maps.insert(1, mapping)

    def bind_to(self, callback: Observer) -> None:
        """Call this with what is set by `update`."""
        vars(self)["_observers"].append(callback)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set items in the first mapping; who is bound is told."""
        given = tuple(dict(each) for each in args)
        self.changes.update(*given, **kwargs)
        for observer in self._observers:
            observer(*given, **kwargs)

    def _key(self, key: Any) -> Any:
        return key if self.key_t is None else self.key_t(key)

    def __missing__(self, key: Any) -> Any:
        """Called for a key that no mapping has; heirs may give a value."""
        raise KeyError(key)

    def __getitem__(self, key: Any) -> Any:
        """Return an item of the first mapping that has it. Raises KeyError."""
        made = self._key(key)
        for mapping in self.maps:
            try:
                return mapping[made]
            except KeyError:
                continue
        return self.__missing__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set an item in the first mapping."""
        self.changes[self._key(key)] = value

    def __delitem__(self, key: Any) -> None:
        """Take an item out of the first mapping. Raises KeyError if it has none."""
        try:
            del self.changes[self._key(key)]
        except KeyError:
            raise KeyError(f"{key!r} is not in the first mapping") from None

    def pop(self, key: Any, *default: Any) -> Any:
        """Take an item out of the first mapping. Raises KeyError if it has none."""
        try:
            return self.changes.pop(self._key(key), *default)
        except KeyError:
            raise KeyError(f"{key!r} is not in the first mapping") from None

    def clear(self) -> None:
        """Empty the first mapping."""
        self.changes.clear()

    def __contains__(self, key: object) -> bool:
        """Tell whether any mapping has this key."""
        made = self._key(key)
        return any(made in mapping for mapping in self.maps)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the keys of all, each once."""
        return iter(dict.fromkeys(chain(*(m.keys() for m in reversed(self.maps)))))

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(set().union(*self.maps))

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return any(self.maps)

    def iterkeys(self) -> Iterator[Any]:
        """Iterate over the keys."""
        return iter(self)

    def itervalues(self) -> Iterator[Any]:
        """Iterate over the values."""
        return (self[key] for key in self)

    def iteritems(self) -> Iterator[tuple[Any, Any]]:
        """Iterate over both."""
        return ((key, self[key]) for key in self)

    @classmethod
    def fromkeys(cls, iterable: Iterable[Any], *args: Any) -> Self:
        """Make one of keys that all have the same value."""
        return cls(dict.fromkeys(iterable, *args))

    def copy(self) -> Self:
        """Return one whose first mapping is a copy; the others are the same."""
        return type(self)(self.changes.copy(), *self.defaults, key_t=self.key_t)

    def __copy__(self) -> Self:
        """Return a copy."""
        return self.copy()

    def __repr__(self) -> str:
        """Show all mappings."""
        return f"{type(self).__name__}({', '.join(map(repr, self.maps))})"


class ConfigurationView(ChainMap, AttributeDictMixin):
    """Settings and their defaults; items are attributes too, and keys may have other spellings."""

    def __init__(
        self,
        changes: MutableMapping[str, Any],
        defaults: Iterable[Any] | None = None,
        keys: Iterable[Callable[[str], str]] | None = None,
        prefix: str | None = None,
    ) -> None:
        """Look through the changes, then through the defaults.

        A key that begins with `prefix` may be given without it. `keys` are functions that turn a
        key into other spellings, which are looked for too.
        """
        super().__init__(changes, *(defaults or ()))
        vars(self).update(
            prefix=f"{prefix.rstrip('_')}_" if prefix else prefix, _keys=tuple(keys or ())
        )

    def _spellings(self, key: str) -> list[str]:
        prefix = self.prefix
        found = [key]
        if prefix:
            whole = key if key.startswith(prefix) else prefix + key
            found = [match_case(whole, prefix), key]
        return found + [spell(key) for spell in self._keys]

    def __getitem__(self, key: str) -> Any:
        """Return a setting, under any of its spellings. Raises KeyError."""
        spellings = [self._key(each) for each in self._spellings(key)]
        for mapping in self.maps:
            for spelling in spellings:
                try:
                    return mapping[spelling]
                except KeyError:
                    continue
        try:
            return self.__missing__(key)
        except KeyError:
            raise KeyError(f"none of {spellings} is set") from None

    def __contains__(self, key: object) -> bool:
        """Tell whether a setting is there, under any of its spellings."""
        return any(ChainMap.__contains__(self, each) for each in self._spellings(str(key)))

    def first(self, *keys: str) -> Any:
        """Return the first of these settings that is not None."""
        return next((found for key in keys if (found := self.get(key)) is not None), None)

    def swap_with(self, other: "ConfigurationView") -> None:
        """Look through what the other one looks through, and in its way."""
        taken = ("changes", "defaults", "key_t", "prefix", "_keys")
        vars(self).update({name: vars(other)[name] for name in taken})
        vars(self)["maps"] = [self.changes, *self.defaults]

    def copy(self) -> Self:
        """Return one whose changes are a copy; the defaults are the same."""
        copied = type(self)(self.changes.copy(), self.defaults, self._keys, self.prefix)
        vars(copied)["key_t"] = self.key_t
        return copied


def lpmerge(L: dict[Any, Any], R: Mapping[Any, Any]) -> dict[Any, Any]:
    """Set in the left what the right has that is not None; return the left."""
    L.update({key: value for key, value in R.items() if value is not None})
    return L
