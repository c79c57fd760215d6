"""A few cells of memory that the hub and one child share: what the child does at this moment.

The child writes a job's number before it begins it, so that after any death the hub knows what had
begun. Each cell has one writer, and a cell is written at once. `since` is zero between jobs and is
written last at the beginning: the hub never sees a job's number with another job's time.
"""

import mmap
import os
from collections.abc import Callable
from typing import Final

_SIZE: Final = 4 * 8
_SINCE: Final = 0  # child: monotonic time the current job began at, or 0
_NUMBER: Final = 1  # child: the job begun last, or -1
_HELD: Final = 2  # hub: 1 forbids to begin anything more, since the child is about to be killed
_SOFT: Final = 3  # hub: the job whose soft limit has passed, or -1


def shared_memory() -> int:
    """Return a file descriptor of memory that both sides can map."""
    return file_in_memory(bytes(_SIZE))


def file_in_memory(content: bytes) -> int:
    """Return the descriptor of a file that has no name, and so ends with those who hold it."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("celeriac")
    else:
        import tempfile  # not where it is not needed: each child would have it

        fd, path = tempfile.mkstemp(prefix="celeriac-")
        os.unlink(path)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    return fd


class Journal:
    """One mapping of the cells."""

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, _SIZE)
        view = memoryview(self._map)
        self._whole = view.cast("q")
        self._real = view.cast("d")

    def clear(self) -> None:
        """Set all cells to what they hold before the first job."""
        self._real[_SINCE] = 0.0
        self._whole[_NUMBER] = -1
        self._whole[_HELD] = 0
        self._whole[_SOFT] = -1

    # -- the child's side ----------------------------------------------------------------------

    def writer(self) -> tuple[Callable[[int, float], None], Callable[[], None]]:
        """Return the functions that note a beginning and an end; the child calls them per job."""
        whole, real = self._whole, self._real

        def begin(number: int, now: float) -> None:
            whole[_NUMBER] = number
            real[_SINCE] = now

        def end() -> None:
            real[_SINCE] = 0.0

        return begin, end

    @property
    def held(self) -> bool:
        """Whether nothing more may begin."""
        return self._whole[_HELD] != 0

    @property
    def interrupted(self) -> int:
        """The job that is to be interrupted."""
        return self._whole[_SOFT]

    # -- the hub's side ------------------------------------------------------------------------

    @property
    def begun(self) -> int:
        """The job begun last, or -1."""
        return self._whole[_NUMBER]

    def running(self) -> tuple[int, float] | None:
        """Return the number of the job that runs now and since when, or None between jobs."""
        since = self._real[_SINCE]
        number = self._whole[_NUMBER]
        if not since or self._real[_SINCE] != since:
            return None
        return number, since

    def hold(self) -> None:
        """Forbid to begin anything more."""
        self._whole[_HELD] = 1

    def interrupt(self, number: int) -> None:
        """Name the job that the next signal is for."""
        self._whole[_SOFT] = number

    def close(self) -> None:
        """Unmap the cells."""
        self._whole.release()
        self._real.release()
        self._map.close()
