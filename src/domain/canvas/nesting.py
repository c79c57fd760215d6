"""Refuse signatures that contain themselves, and such as nest deeper than any store can write."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

#: Signatures within signatures. Encoders of JSON give up at about four times as many.
MAX_DEPTH: Final = 100

#: Options that hold signatures.
_LINKED: Final = ("link", "link_error", "chain", "chord")
_LINKS: Final = frozenset(_LINKED)


def check_nesting(stored: Mapping[str, Any]) -> None:
    """Raise ValueError for a signature that contains itself, or that nests too deeply."""
    path: list[Mapping[str, Any]] = [stored]
    # By identity: equal signatures are met often, and rightly so.
    above = {id(stored)}
    open_parts = [_within(stored)]
    while open_parts:
        part = next(open_parts[-1], None)
        if part is None:
            open_parts.pop()
            above.discard(id(path.pop()))
            continue
        if id(part) in above:
            raise ValueError(
                f"a signature contains itself: {_shown([*path, part])}; link or nest a clone() "
                "of it, or have the task send itself again"
            )
        if len(path) >= MAX_DEPTH:
            raise ValueError(
                f"signatures nested more than {MAX_DEPTH} deep: {_shown(path[:4])} …; let a task "
                "send the rest, or put tasks side by side in one chain"
            )
        if _holds_none(part):
            continue  # most do: a group has many members
        path.append(part)
        above.add(id(part))
        open_parts.append(_within(part))


def _holds_none(stored: Mapping[str, Any]) -> bool:
    options = stored.get("options")
    return not stored.get("subtask_type") and (type(options) is dict and _LINKS.isdisjoint(options))


def _within(stored: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    kwargs, options = stored.get("kwargs"), stored.get("options")
    if stored.get("subtask_type") and isinstance(kwargs, Mapping):
        for name in ("tasks", "header", "body"):
            yield from _signatures(kwargs.get(name))
    if isinstance(options, Mapping):
        for name in _LINKED:
            if name in options:
                yield from _signatures(options[name])


def _signatures(found: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, Mapping):
        yield found
    elif isinstance(found, list | tuple):
        for one in found:
            if isinstance(one, Mapping):
                yield one


def _shown(path: list[Mapping[str, Any]]) -> str:
    return " > ".join(str(one.get("task")) for one in path)
