"""`celeriac status --self`: is the worker of this machine, and this user, alive and at work?

It asks the worker itself, by its socket. What must stay true: neither an app nor a driver, nor the
rest of the command line, nor any large part of the standard library, is imported for that, so that
a probe costs little more than the start of the interpreter.

Exit codes: 0 it is; 1 it is not, and why; 69 there is no worker; 2 a wrong command line.
"""

import _socket  # what `socket` wraps, at a price
import json
import os
import sys

from .run_folder import SUFFIX, run_folder, socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: How long a worker may take to answer, in seconds.
PATIENCE = 2.0
NOBODY = 69


def is_asked(words: "Sequence[str]") -> bool:
    """Tell whether a command line is `status --self` and nothing that this module cannot read."""
    return (
        "status" in words
        and "--self" in words[words.index("status") :]
        and _read(words) is not None
    )


def main(words: "Sequence[str]") -> int:
    """Ask; return the exit code."""
    read = _read(words)
    assert read
    node, live, as_json = read
    return check(node, live=live, as_json=as_json)


def check(node: str | None, *, live: bool, as_json: bool) -> int:
    """Ask a worker, or all there are; print what they say, and return the exit code.

    `live` asks no more than that it lives; otherwise it must be ready too.
    """
    answers = [said for path in _sockets(node) if (said := _ask(path)) is not None]
    if not answers:
        sys.stderr.write(
            f"no worker{f' {node}' if node else ''} answers in {run_folder()} (CELERIAC_RUN_DIR)\n"
        )
        return NOBODY
    bad = 0
    for said in answers:
        reasons = said["not_alive"] if live else said["not_ready"]
        bad += bool(reasons)
        line = json.dumps(said) if as_json else f"{said['node']}: {'; '.join(reasons) or 'OK'}"
        sys.stdout.write(f"{line}\n")
    return 1 if bad else 0


def _sockets(node: str | None) -> list[str]:
    if node:
        return [socket_path(node)]
    folder = run_folder()
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names]


def _ask(path: str) -> "dict[str, Any] | None":
    """Return what the worker says; None if there is none, its reasons if it is stuck."""
    pieces = []
    asking = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        asking.settimeout(PATIENCE)
        asking.connect(path)
        while piece := asking.recv(65_536):
            pieces.append(piece)
    except TimeoutError:
        name = os.path.basename(path).removesuffix(SUFFIX)
        why = [f"it does not answer within {PATIENCE:g} s"]
        return {"node": name, "not_alive": why, "not_ready": why}
    except OSError:
        return None  # killed, and its socket is left behind
    finally:
        asking.close()
    try:
        said: dict[str, Any] = json.loads(b"".join(pieces))
    except ValueError:
        return None  # it stopped just now
    return said


def _read(words: "Sequence[str]") -> tuple[str | None, bool, bool] | None:
    """Return node, live and as_json; None for what only the whole command line can read."""
    node, live, as_json = None, False, False
    rest = iter(words[words.index("status") + 1 :])
    for word in rest:
        match word:
            case "--self":
                pass
            case "--live":
                live = True
            case "-j" | "--json":
                as_json = True
            case "-d" | "--destination":
                node = next(rest, None)
            case _ if word.startswith("--destination="):
                node = word.partition("=")[2]
            case _:
                return None
    return node, live, as_json
