"""Starts the nodes of `celeriac multi` in the background, signals them, and waits for their end.

What must stay true: a node is known by its pid file alone, and no node is started whose file
belongs to a living process.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from .daemon import holder, lives
from .multi_nodes import Node

#: Seconds between two looks at what is waited for.
LOOK: Final = 0.1
#: Seconds that a node which has left the terminal has to write its pid file.
BEGINNING: Final = 60.0


def running(node: Node) -> int | None:
    """Return the process of a node; None if it does not run."""
    pid = holder(node.pidfile)
    return pid if pid is not None and lives(pid) else None


def start(node: Node) -> str:
    """Start a node; return what went wrong, in words, or nothing."""
    pid = running(node)
    if pid is not None:
        return f"process {pid} holds {node.pidfile} and is running"
    # Whoever lives on of it holds one end of the pipe: the other tells when nobody does any more.
    reading, writing = os.pipe()
    try:
        for file in (node.pidfile, node.logfile):
            file.parent.mkdir(parents=True, exist_ok=True)
        code = subprocess.run(  # noqa: S603 - a worker, as its owner has written it
            node.command, stdin=subprocess.DEVNULL, pass_fds=(writing,), check=False
        ).returncode
        os.close(writing)
        writing = -1
        return _ended(code) if code else _begun(node, reading)
    except OSError as error:
        about = error.filename or node.executable
        return (
            f"{about}: {error.strerror}; --pidfile, --logfile and --executable say where they are"
        )
    finally:
        for end in (reading, writing):
            if end >= 0:
                os.close(end)


def send(pid: int, signum: int) -> bool:
    """Send a signal; tell whether there was such a process."""
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def wait(pids: Mapping[Node, int], gone: Callable[[Node], object]) -> None:
    """Wait until all of these have ended; `gone` is told of each when it has."""
    left = dict(pids)
    while left:
        for node, pid in list(left.items()):
            if not lives(pid):
                del left[node]
                gone(node)
        if left:
            time.sleep(LOOK)


def number_of(name: str) -> int:
    """Return the number of a signal: `9`, `KILL`, `SIGKILL`. Raises UsageError."""
    if name.isdigit():
        with suppress(ValueError):
            return signal.Signals(int(name))
    with suppress(KeyError):
        return signal.Signals[f"SIG{name.removeprefix('SIG')}"]
    raise click.UsageError(f"there is no signal {name!r}: expected one such as -TERM or -9")


def name_of(signum: int) -> str:
    """Return a signal's name without its SIG."""
    return signal.Signals(signum).name.removeprefix("SIG")


def twins(nodes: Iterable[Node]) -> Sequence[str]:
    """Return pid files that more than one node has."""
    seen: dict[Path, int] = {}
    for node in nodes:
        seen[node.pidfile] = seen.get(node.pidfile, 0) + 1
    return [str(file) for file, count in seen.items() if count > 1]


def _ended(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"


def _begun(node: Node, reading: int) -> str:
    """Wait until a node that has left the terminal holds its pid file; return what went wrong."""
    end = time.monotonic() + BEGINNING
    while running(node) is None:
        if select.select([reading], [], [], LOOK / 5)[0]:
            return f"it ended at once; its log may say why: {node.logfile}"
        if time.monotonic() > end:
            return f"it has not written {node.pidfile} within {BEGINNING:g} s"
    return ""
