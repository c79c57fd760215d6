"""The counter every peer's task bumps: under a microsecond, no lock, no system call.

Each worker process maps one small file in BENCH_DIR: the monotonic time in ns of its first task
and of its last one, and how many it ran. Tasks of one process must not overlap. It imports
little, for that would be in the memory of the workers that are measured.
"""

import mmap
import os
import struct
import time

_SIZE = 24
_slot: memoryview | None = None
_pid = 0


def path(name: str) -> str:
    """Return the path of a file of this run."""
    return os.path.join(os.environ["BENCH_DIR"], name)


def bump() -> None:
    """Count one task."""
    slot = _slot if _pid == os.getpid() else _mapped()
    assert slot is not None
    now = time.monotonic_ns()
    if not slot[2]:
        slot[0] = now
    slot[2] += 1
    slot[1] = now


def _mapped() -> memoryview:
    global _slot, _pid
    _pid = os.getpid()
    with open(path(f"{_pid}.count"), "w+b") as file:
        file.truncate(_SIZE)
        _slot = memoryview(mmap.mmap(file.fileno(), _SIZE)).cast("q")
    return _slot


def read() -> tuple[int, float]:
    """Return how many tasks were run so far, and the seconds from the first to the last."""
    ran = _rows()
    if not ran:
        return 0, 0.0
    first, last = min(row[0] for row in ran), max(row[1] for row in ran)
    return sum(row[2] for row in ran), (last - first) / 1e9


def first() -> float:
    """Return when the first task was run, in monotonic seconds; one must have been."""
    return min(row[0] for row in _rows()) / 1e9


def _rows() -> list[tuple[int, int, int]]:
    rows = [_row(name) for name in os.listdir(path("")) if name.endswith(".count")]
    return [row for row in rows if row[2]]


def _row(name: str) -> tuple[int, int, int]:
    with open(path(name), "rb") as file:
        data = file.read()
    if not data:  # it has just been made
        return 0, 0, 0
    first, last, ran = struct.unpack("qqq", data)
    return first, last, ran
