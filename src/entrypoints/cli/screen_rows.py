"""What the screen of `celeriac events` shows, as lines of text: widths, rows, details."""

from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap
from typing import Any, Final, NamedTuple

BORDER_SPACING: Final = 4
LEFT_BORDER_OFFSET: Final = 3
UUID_WIDTH: Final = 36
STATE_WIDTH: Final = 8
TIMESTAMP_WIDTH: Final = 8
MIN_WORKER_WIDTH: Final = 15
MIN_TASK_WIDTH: Final = 16
#: The narrowest column of ids: as much as tells one from another.
MIN_UUID_WIDTH: Final = 8

STATUS_SCREEN: Final = (
    "events: {s.event_count} tasks: {s.task_count} workers: {w_alive}/{w_all} online"
)


class Widths(NamedTuple):
    """How wide the columns are."""

    uuid: int
    worker: int
    task: int
    timestamp: int = TIMESTAMP_WIDTH
    state: int = STATE_WIDTH


def widths(total: int) -> Widths:
    """Share a row of so many columns out: ids are cut first, what is left over is shared."""
    left = total - TIMESTAMP_WIDTH - STATE_WIDTH - 4
    uuid = min(UUID_WIDTH, max(MIN_UUID_WIDTH, left - MIN_WORKER_WIDTH - MIN_TASK_WIDTH))
    left -= uuid
    worker = max(MIN_WORKER_WIDTH, left // 2)
    return Widths(uuid, worker, max(MIN_TASK_WIDTH, left - worker))


def row(columns: Widths, uuid: str, task: str, worker: str, timestamp: str, state: str) -> str:
    """Return one row of the list."""
    cells = zip((uuid, worker, task, timestamp, state), columns, strict=True)
    return " ".join(clipped(text, width).ljust(width) for text, width in cells)


def clipped(text: str, width: int) -> str:
    """Return a text of at most so many characters; dots stand for what is missing."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 2)] + ".." if width > 2 else text[:width]


def printable(text: str) -> str:
    """Return a text without what would move the cursor: what tasks are called with is theirs."""
    return "".join(character if character.isprintable() else "?" for character in text)


def hour(timestamp: float | None) -> str:
    """Return the local time of day of unix seconds."""
    return "" if timestamp is None else datetime.fromtimestamp(timestamp).strftime("%H:%M:%S")  # noqa: DTZ006 - for people, in their time


def summary(task: Any) -> str:
    """Return what is known of a task, in one line."""
    return " ".join(f"{name}={_short(value)}" for name, value in task.info().items())


def details(task: Any, width: int) -> Iterator[tuple[str, str]]:
    """Yield all that is known of a task: a name, or nothing where one goes on, and a line."""
    for name, value in task.info(extra=["state"]).items():
        lines = lines_of(value, width - len(name) - 2) or [""]
        yield name, lines[0]
        yield from (("", line) for line in lines[1:])


def lines_of(text: Any, width: int) -> list[str]:
    """Return a text as lines of at most so many characters; its own lines stay apart."""
    width = max(width, 1)
    found: list[str] = []
    for line in str(text).splitlines():
        found += wrap(line, width, replace_whitespace=False, drop_whitespace=False) or [""]
    return found


def _short(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
