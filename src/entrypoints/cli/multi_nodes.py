"""The nodes that `celeriac multi` was told of: their names, files, and commands that start them."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ..node_names import DEFAULT_NAME, filled, node_name
from .multi_words import Given, Known, Options, Words, picked

#: Where the files of a node are if nobody says.
PIDFILE: Final = f"/var/run/{DEFAULT_NAME}/%n.pid"
LOGFILE: Final = f"/var/log/{DEFAULT_NAME}/%n%I.log"
COMMAND: Final = f"-m {DEFAULT_NAME} worker --detach"

#: Options whose values may begin with a `~`.
_PATHS: Final = ("pidfile", "logfile", "workdir", "statedb", "schedule_filename")


@dataclass(frozen=True, slots=True)
class Node:
    """One worker; `words` is its command without the Python that runs it."""

    name: str
    executable: str
    words: tuple[str, ...]
    pidfile: Path
    logfile: Path

    @property
    def command(self) -> list[str]:
        """The whole command."""
        return [self.executable, *self.words]


def nodes_of(said: Words, known: Known, host: str) -> list[Node]:
    """Return the nodes of a command line on this host. Raises UsageError if it names none."""
    names = list(_names(said, host))
    each: list[Options] = [dict(said.options) for _ in names]
    for written, options in said.of_nodes.items():
        for at in picked(written, [keys for _, keys in names]):
            each[at].update(options)
    return [
        _node(name, said, known, options) for (name, _), options in zip(names, each, strict=True)
    ]


def for_nobody(said: Words, host: str) -> list[str]:
    """Return the options that were given for nodes that are not there, as they were written."""
    names = [keys for _, keys in _names(said, host)]
    return [
        f"{given.flag}:{written}"
        for written, options in said.of_nodes.items()
        if not list(picked(written, names))
        for given in options.values()
    ]


def expanded(template: str, node: str) -> str:
    """Fill in the marks of a node; those of a process are left to the worker."""
    name, _, host = node.partition("@")
    marks = {"%n": name, "%N": name, "%h": node, "%p": node, "%d": host, "%%": "%"}
    return filled(template, marks)


def _names(said: Words, host: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the full name of each node, and all that it may be called by."""
    words = said.names
    if not words:
        raise click.UsageError("no node is named: expected names, or how many there are")
    if len(words) == 1 and words[0].isdigit():
        prefix = said.values.get("--range-prefix") or DEFAULT_NAME
        words = [f"{prefix}{number}" for number in range(1, int(words[0]) + 1)]
    asked = said.options.get("hostname")
    suffix = said.values.get("--suffix") or (asked and asked.value) or ""
    suffix = suffix.rpartition("@")[2]  # some write -n w@%h
    for word in words:
        full = node_name(word if "@" in word or not suffix else f"{word}@{suffix}", host)
        yield full, {word, full, full.partition("@")[0]}


def _node(name: str, said: Words, known: Known, options: Options) -> Node:
    executable = (options.get("executable") or Given("", sys.executable)).value or sys.executable
    filled_in: Options = {
        key: Given(given.flag, _value(key, given.value, name)) for key, given in options.items()
    }
    filled_in.pop("hostname", None)  # it is in the name by now
    filled_in["hostname"] = Given("-n", name)
    for key, default in (("pidfile", PIDFILE), ("logfile", LOGFILE)):
        filled_in.setdefault(key, Given(f"--{key}", expanded(default, name)))
    filled_in["executable"] = Given("--executable", executable)
    folder = Path((filled_in.get("workdir") or Given("", "")).value or os.curdir)
    return Node(
        name,
        executable,
        tuple(_words(said, known, filled_in, name)),
        folder.absolute() / _of_main(filled_in["pidfile"]),
        folder.absolute() / _of_main(filled_in["logfile"]),
    )


def _of_main(given: Given) -> str:
    """Return the path of a file as the node's main process has it."""
    return filled(given.value or "", {"%i": "0", "%I": ""})


def _value(key: str, value: str | None, node: str) -> str | None:
    if value is None:
        return None
    return os.path.expanduser(expanded(value, node)) if key in _PATHS else expanded(value, node)


def _words(said: Words, known: Known, options: Options, node: str) -> Iterator[str]:
    """Yield the command; options of the program stand before the word `worker`."""
    start = shlex.split(said.values.get("--cmd") or COMMAND)
    cut = start.index("worker") if "worker" in start else len(start)
    yield from start[:cut]
    for given in options.values():
        if given.flag in known.of_program:
            yield from given.words()
    yield from start[cut:]
    for given in options.values():
        if given.flag not in known.of_program:
            yield from given.words()
    yield from shlex.split(expanded(said.values.get("--append", ""), node))
    if said.rest:
        yield from ("--", *said.rest)


def as_text(words: Sequence[str]) -> str:
    """Return a command as it would be typed."""
    return shlex.join(words)
