"""What the words of `celeriac multi` mean: names of nodes, and options of all or of some of them.

What must stay true: whether a word is an option's value or a node's name is decided by what the
worker's own options take, so that `-E w1` names a node and `--workdir /srv` none.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import click

#: Options of multi itself; the worker never sees them.
OWN: Final = {
    "--nosplash": "nosplash",
    "--no-color": "no_color",
    "--quiet": "quiet",
    "-q": "quiet",
    "--verbose": "verbose",
    "-v": "verbose",
}
#: Options of multi itself that take a value.
OWN_VALUES: Final = ("--range-prefix", "--suffix", "--cmd", "--append")

_OPTION: Final = re.compile(
    r"(?P<flag>--?[^:=\s]+)(?::(?P<nodes>[^=]*))?(?:=(?P<value>.*))?", re.DOTALL
)
_RANGE: Final = re.compile(r"(\d+)-(\d+)")
_SIGNAL: Final = re.compile(r"-(?:\d+|[A-Z][A-Z0-9]+)")


@dataclass(frozen=True, slots=True)
class Known:
    """Options of the worker and of the program: which of them take a value, and their names."""

    names: Mapping[str, str]
    with_value: Collection[str]
    of_program: Collection[str]

    @classmethod
    def of(cls, program: click.Command, worker: click.Command) -> "Known":
        """Return what these two take."""
        names, with_value = dict[str, str](), set[str]()
        for param in (*program.params, *worker.params):
            for flag in (*param.opts, *param.secondary_opts):
                names[flag] = param.name or flag
                if not getattr(param, "is_flag", False):
                    with_value.add(flag)
        return cls(names, with_value, {flag for param in program.params for flag in param.opts})

    def name(self, flag: str) -> str:
        """Return what an option is called whichever way it is written: `-c`, `--concurrency`."""
        return self.names.get(flag, flag)


@dataclass(frozen=True, slots=True)
class Given:
    """One option as it was written; without a value it is a flag."""

    flag: str
    value: str | None = None

    def words(self) -> list[str]:
        """Return it as words of a command line."""
        if self.value is None:
            return [self.flag]
        if self.flag.startswith("--"):
            return [f"{self.flag}={self.value}"]
        return [self.flag, self.value]


Options = dict[str, Given]


@dataclass(slots=True)
class Words:
    """A command line that was taken apart."""

    names: list[str] = field(default_factory=list)
    #: What holds for all nodes, by the option's name.
    options: Options = field(default_factory=dict)
    #: What holds for some: nodes as they were written, such as `1-3` or `web,mail`.
    of_nodes: dict[str, Options] = field(default_factory=dict)
    #: Settings, behind two dashes.
    rest: list[str] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    signal: str | None = None


def parse(words: Sequence[str], known: Known, *, signals: bool = False) -> Words:
    """Take a command line apart; with `signals`, a word such as `-INT` or `-9` is one.

    Raises UsageError for an option that lacks its value.
    """
    found, waiting = Words(), list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word == "--":
            found.rest = list(reversed(waiting))
            break
        if word in OWN:
            found.own.add(OWN[word])
        elif signals and _SIGNAL.fullmatch(word):
            found.signal = word[1:]
        elif word.startswith("-") and len(word) > 1:
            _take(found, word, waiting, known)
        else:
            found.names.append(word)
    return found


def _take(found: Words, word: str, waiting: list[str], known: Known) -> None:
    flag, nodes, value = _split(word, known)
    if value is None and _takes_value(flag, known):
        if waiting and (flag in known.with_value or not waiting[-1].startswith("-")):
            value = waiting.pop()
        elif flag in known.with_value or flag in OWN_VALUES:
            raise click.UsageError(f"{word} lacks its value")
    if flag in OWN_VALUES:
        found.values[flag] = value or ""
        return
    options = found.options if nodes is None else found.of_nodes.setdefault(nodes, {})
    options[known.name(flag)] = Given(flag, value)


def _split(word: str, known: Known) -> tuple[str, str | None, str | None]:
    short, glued = word[:2], word[2:]
    if not word.startswith("--") and glued[:1] not in ("", ":", "=") and short in known.with_value:
        return short, None, glued
    match = _OPTION.fullmatch(word)
    if match is None:
        raise click.UsageError(f"{word!r} is no option: expected one such as -c:1 or --pool=solo")
    return match["flag"], match["nodes"], match["value"]


def _takes_value(flag: str, known: Known) -> bool:
    if flag in known.names:
        return flag in known.with_value
    # Of options that only the app knows, Celery's reading: short ones take what follows.
    return flag in OWN_VALUES or not flag.startswith("--")


def picked(written: str, names: Sequence[Collection[str]]) -> Iterator[int]:
    """Yield the positions, from 0, of the nodes that `1-3`, `4,5` or `web,mail` mean.

    `names` holds all names of each node, in order.
    """
    for part in written.split(","):
        between = _RANGE.fullmatch(part)
        if between:
            yield from range(int(between[1]) - 1, min(int(between[2]), len(names)))
            continue
        by_name = [at for at, own in enumerate(names) if part in own]
        if by_name:
            yield from by_name
        elif part.isdigit() and 1 <= int(part) <= len(names):
            yield int(part) - 1
