"""Stamps: marks that signatures carry among their options, as Celery merges them.

`stamped_headers` names the options that are stamps. What is there already stays, or with
`append` becomes a list of all values; lists grow in any case.
"""

from collections.abc import Iterable, Mapping
from typing import Any

NAMES = "stamped_headers"


def stamps_for(
    headers: Mapping[str, Any],
    of_visitor: Mapping[str, Any] | None,
    own: Mapping[str, Any] | None,
    *,
    append: bool = False,
) -> dict[str, Any]:
    """Return the stamps a signature gets, their names among them.

    Args:
        headers: Those handed down to it.
        of_visitor: What a visitor gave; all of it are stamps unless it names them itself.
        own: The options it has; None for links, which do not take those of what they are linked
            to.
        append: Whether a stamp with several values keeps them all.
    """
    made = dict(headers)
    made.setdefault(NAMES, list(headers))
    if of_visitor is not None:
        given = dict(of_visitor)
        given.setdefault(NAMES, list(of_visitor))
        made = merged_stamps(made, given, append=append)
    if own is not None:
        names = _once([*made[NAMES], *(own.get(NAMES) or ())])
        made[NAMES] = names
        mine = {name: own[name] for name in own if name in names}
        made = merged_stamps(made, mine, append=append)
    made[NAMES] = _once(made[NAMES])
    return made


def merged_stamps(
    first: Mapping[str, Any], second: Mapping[str, Any], *, append: bool
) -> dict[str, Any]:
    """Return both, where they differ the first, or with `append` the values of both."""
    out = dict(first)
    for name, value in second.items():
        out[name] = _both(out[name], value, append) if name in out else value
    return out


def _both(first: Any, second: Any, append: bool) -> Any:
    if isinstance(first, Mapping):
        further = second if isinstance(second, Mapping) else {}
        return merged_stamps(first, further, append=append)
    if append and isinstance(first, int | float | str):
        first = [first]
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    if not append:
        return first
    return [*(first if first is not None else ()), second]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
