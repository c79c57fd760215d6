"""The folder of sockets at which the workers of this user answer `celeriac status --self`.

Imports little: it is on the way of a probe that is to take milliseconds.
"""

import os

#: Names the folder, to workers and to those who ask them.
VARIABLE = "CELERIAC_RUN_DIR"
SUFFIX = ".sock"
#: The longest path of a socket that every system takes, in bytes.
LONGEST = 100


def run_folder() -> str:
    """Return the folder: $CELERIAC_RUN_DIR, or one of this user's."""
    asked = os.environ.get(VARIABLE)
    if asked:
        return asked
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return os.path.join(runtime, "celeriac")
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"celeriac-{os.getuid()}")  # noqa: S108


def socket_path(node: str, folder: str | None = None) -> str:
    """Return where a node answers."""
    where = folder or run_folder()
    plain = "".join(c if c.isalnum() or c in "@.-_" else "_" for c in node)
    path = os.path.join(where, plain + SUFFIX)
    if plain == node and len(os.fsencode(path)) <= LONGEST:
        return path
    import hashlib  # for such names only

    return os.path.join(where, hashlib.sha256(node.encode()).hexdigest()[:16] + SUFFIX)
