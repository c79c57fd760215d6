"""Open files, as `celery.platforms` has them."""

import os
import resource
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


def get_fdmax(default: int | None = None) -> int | None:
    """Return the largest number of open files; the default where there is no limit."""
    with suppress(OSError, ValueError):
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return default if soft == resource.RLIM_INFINITY else soft
    return default


def close_open_fds(keep: Iterable[Any] | None = None) -> None:
    """Close all files but these, given as numbers or streams."""
    kept = sorted({fd for fd in map(number_of, keep or ()) if fd is not None})
    low = 0
    for fd in (*kept, get_fdmax(2048) or 2048):
        if low < fd:  # an empty range at 0 would close all there is
            os.closerange(low, fd)
        low = fd + 1


def fd_by_path(paths: Iterable[str]) -> list[int]:
    """Return the numbers of open files that are these."""
    wanted = {os.path.realpath(path) for path in paths}
    found = []
    for name in os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"):
        with suppress(OSError):
            if os.path.realpath(f"/dev/fd/{name}") in wanted:
                found.append(int(name))
    return found


def number_of(file: Any) -> int | None:
    """Return the number of a file, given as such or as a stream; None if it has none."""
    if isinstance(file, int):
        return file
    with suppress(OSError, ValueError, AttributeError):
        return int(file.fileno())
    return None
