"""`celery.utils.text`: small functions over texts."""

import re
from collections.abc import Callable, Mapping
from io import StringIO
from pprint import pformat
from textwrap import fill
from typing import Any

UNKNOWN_SIMPLE_FORMAT_KEY = "unknown mark %{0} in {1!r}; a percent sign is written %%"
_MARK = re.compile(r"%([%\w])")


def str_to_list(s: Any) -> Any:
    """Return the parts of a comma-separated text; what is no text as it is."""
    return s.split(",") if isinstance(s, str) else s


def dedent_initial(s: str, n: int = 4) -> str:
    """Return the text without the first `n` characters if those are blanks."""
    return s[n:] if s[:n] == " " * n else s


def dedent(s: str, sep: str = "\n") -> str:
    """Return the lines without four blanks in front."""
    return sep.join(dedent_initial(line) for line in s.splitlines())


def fill_paragraphs(s: str, width: int, sep: str = "\n") -> str:
    """Return the text with each paragraph filled."""
    return sep.join(fill(paragraph, width) for paragraph in s.split(sep))


def join(l: list[str], sep: str = "\n") -> str:  # noqa: E741 - Celery's name
    """Join those that are not empty."""
    return sep.join(text for text in l if text)


def ensure_sep(sep: str, s: str, n: int = 2) -> str:
    """Return the text with at least `n` separators at its end."""
    return s + sep * (n - s.count(sep))


def ensure_newlines(s: str, n: int = 2) -> str:
    """Return the text with at least `n` newlines in it."""
    return ensure_sep("\n", s, n)


def abbr(S: str, max: int, ellipsis: str | bool = "...") -> str:  # noqa: A002 - Celery's name
    """Return the text, cut to a length."""
    if len(S) <= max:
        return S
    if isinstance(ellipsis, str) and ellipsis:
        return f"{S[: max - len(ellipsis)]}{ellipsis}"
    return S[:max]


def abbrtask(S: str | None, max: int) -> str:  # noqa: A002 - Celery's name
    """Return the name of a task, its module cut; `???` for none."""
    if S is None:
        return "???"
    if len(S) <= max:
        return S
    module, _, name = S.rpartition(".")
    return f"{abbr(module, max - len(name) - 3, False)}[.]{name}"


def indent(t: str, indent: int = 0, sep: str = "\n") -> str:
    """Return the lines with blanks in front."""
    return sep.join(" " * indent + line for line in t.split(sep))


def truncate(s: str, maxlen: int = 128, suffix: str = "...") -> str:
    """Return the text, cut at the last blank if it is too long."""
    if not maxlen or len(s) < maxlen:
        return s
    return s[:maxlen].rsplit(" ", 1)[0] + suffix


def pluralize(n: float, text: str, suffix: str = "s") -> str:
    """Return the word for so many."""
    return text if n == 1 else text + suffix


def pretty(value: Any, width: int = 80, nl_width: int = 80, sep: str = "\n", **kw: Any) -> str:
    """Return a value as text for people."""
    if isinstance(value, Mapping):
        return f"{{{sep} {pformat(dict(value), width=nl_width, **kw)[1:]}"
    if isinstance(value, tuple):
        return f"{sep}{' ' * 4}{pformat(value, width=nl_width, **kw)}"
    return pformat(value, width=width, **kw)


def match_case(s: str, other: str) -> str:
    """Return the text in capitals or not, as the other one is."""
    return s.upper() if other.isupper() else s.lower()


def simple_format(
    s: str,
    keys: Mapping[str, Any],
    pattern: re.Pattern[str] = _MARK,
    expand: str = r"\1",
) -> str:
    """Fill in marks such as %n. Raises ValueError for one that is not known."""

    def fill_in(match: re.Match[str]) -> str:
        key = match.expand(expand)
        if key == "%":
            return "%"
        try:
            value = keys[key]
        except KeyError as unknown:
            raise ValueError(UNKNOWN_SIMPLE_FORMAT_KEY.format(key, s)) from unknown
        called: Callable[[], Any] | Any = value
        return str(called() if callable(called) else called)

    return pattern.sub(fill_in, s) if s else s


def remove_repeating(substr: str, s: str) -> str:
    """Return the text with a part of it left out after its first time, where it begins a name."""
    first = s.find(substr)
    if first < 0:
        return s
    behind = first + len(substr)
    return s[:behind] + re.sub(rf"(?<![\w.-]){re.escape(substr)}", "", s[behind:])


def remove_repeating_from_task(task_name: str, s: str) -> str:
    """Return a text about a task with its module named once."""
    module = task_name.rpartition(".")[0]
    return remove_repeating(f"{module}.", s) if module else s


class WhateverIO(StringIO):
    """Text in memory that takes bytes too: they are read as UTF-8."""

    def __init__(self, v: bytes | str | None = None, *a: Any, **kw: Any) -> None:
        """Begin with this; the others are arguments of `StringIO`."""
        super().__init__(_in_text(v or ""), *a, **kw)

    def write(self, data: bytes | str) -> int:
        """Write text; returns its length."""
        return super().write(_in_text(data))


def _in_text(data: bytes | str) -> str:
    return data.decode() if isinstance(data, bytes) else data
