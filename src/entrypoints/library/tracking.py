"""A progress bar over results: tqdm's where it is installed, else rich's, else plain text."""

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from ...domain.errors import ImproperlyConfigured

#: Goes through (id, record) pairs of so many results, and shows how far it is.
Bar = Callable[[Iterator[Any], int, str], Iterator[Any]]


def tracked(results: Any, timeout: float | None, description: str, bar: str | None) -> list[Any]:
    """Wait for all results, showing how many are ready; return their values.

    Raises:
        ImproperlyConfigured: The bar asked for is not known or not installed.
    """
    leaves = sum(1 for _ in results._leaves())
    for _ in _bar(bar)(results.iter_native(timeout=timeout), leaves, description):
        pass
    values: list[Any] = results.get(propagate=True)
    return values


def _bar(name: str | None) -> Bar:
    if name is None:
        name = next((one for one in ("tqdm", "rich") if find_spec(one)), "plain")
    if name not in _BARS:
        raise ImproperlyConfigured(f"bar={name!r}: expected one of {', '.join(_BARS)}")
    if name != "plain" and find_spec(name) is None:
        raise ImproperlyConfigured(
            f"bar={name!r}: {name} is not installed; pip install {name}, or ask for bar='plain'"
        )
    return _BARS[name]


def _of_tqdm(items: Iterator[Any], total: int, description: str) -> Iterator[Any]:
    from tqdm.auto import tqdm

    yield from tqdm(items, total=total, desc=description, unit="task")


def _of_rich(items: Iterator[Any], total: int, description: str) -> Iterator[Any]:
    from rich.progress import track

    yield from track(items, total=total, description=description)


def _plain(items: Iterator[Any], total: int, description: str) -> Iterator[Any]:
    shown = -1
    for done, item in enumerate(items, start=1):
        percent = 100 * done // total
        if percent != shown:
            shown = percent
            print(f"\r{description} {done}/{total} ({percent} %)", end="", file=sys.stderr)  # noqa: T201 - what it is for
        yield item
    print(file=sys.stderr)  # noqa: T201


_BARS: dict[str, Bar] = {"tqdm": _of_tqdm, "rich": _of_rich, "plain": _plain}
