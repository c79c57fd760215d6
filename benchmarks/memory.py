"""What a process holds: memory, open files and threads, read from /proc; and how that grows."""

from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression, mean
from typing import NamedTuple


class Sample(NamedTuple):
    """What one process held at a moment; sizes in MB (10^6 bytes)."""

    at: float
    pss: float
    rss: float
    uss: float
    files: int
    threads: int


class Slope(NamedTuple):
    """A straight line through samples: growth an hour, and the standard error of that."""

    per_hour: float
    error: float


def look(pid: int, now: float) -> Sample:
    """Look at a process. Costs it about a millisecond. Raises OSError if it is no more."""
    place = Path(f"/proc/{pid}")
    sizes: dict[str, int] = {}
    for line in (place / "smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        sizes[name[:-1]] = int(size)
    stat = (place / "stat").read_text().rsplit(")", 1)[1].split()
    files = sum(1 for _ in (place / "fd").iterdir())
    own = sizes["Private_Clean"] + sizes["Private_Dirty"]
    kb = (sizes["Pss"], sizes["Rss"], own)
    return Sample(now, *(size * 1024 / 1e6 for size in kb), files, int(stat[17]))


def parent(pid: int) -> int:
    """Return the process that made this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a line by least squares, to three samples or more."""
    fit = linear_regression(seconds, values)
    middle = mean(seconds)
    spread = sum((x - middle) ** 2 for x in seconds)
    missed = sum(
        (y - fit.slope * x - fit.intercept) ** 2 for x, y in zip(seconds, values, strict=True)
    )
    error = (missed / (len(seconds) - 2) / spread) ** 0.5
    return Slope(fit.slope * 3600, error * 3600)
