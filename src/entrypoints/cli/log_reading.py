"""Reads what workers wrote to their logs: text of ours and of Celery's, or JSON.

What must stay true: a traceback belongs to the line above it, and a line that is about no task is
never taken for one that is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

#: `[2030-01-31 12:00:00,000: INFO/MainProcess] `: what begins a line of text.
_HEAD: Final = re.compile(r"\[(?P<time>[^\]]*?): (?P<level>[A-Z]+)/(?P<process>[^\]]*)\] ?")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_NAMED: Final = r"(?P<name>[^\s\[\]]+)\[(?P<id>[^\s\[\]]+)\]"
_RECEIVED: Final = re.compile(
    rf"(?:Received task: {_NAMED}|Task {_NAMED.replace('?P<', '?P<_')} received)"
)
_TASK: Final = re.compile(rf"Task {_NAMED} (?P<what>[a-z]+)")
_REVOKED: Final = re.compile(rf"Discarding revoked task: {_NAMED}")

#: What a task came to, by the word that its line has.
SUCCEEDED, FAILED, RETRIED, OTHER = "succeeded", "raised", "retry", "other"
_ENDS: Final = {
    **{word: word for word in (SUCCEEDED, FAILED, RETRIED)},
    **dict.fromkeys(("ignored", "rejected", "revoked"), OTHER),
}
RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log, with what stands below it."""

    lines: tuple[str, ...]
    level: str = ""
    #: What became of a task; empty for a line that does not tell of that.
    what: str = ""
    task: str = ""
    id: str = ""
    trace: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)


@dataclass(slots=True)
class Audit:
    """What can be counted over a log."""

    received: int = 0
    errors: int = 0
    succeeded: int = 0
    completed: int = 0
    tasks: "Counter[str]" = field(default_factory=Counter)
    #: Tasks that came in and did not end, by id, with the line they came in by.
    waiting: dict[str, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        if entry.what == RECEIVED:
            self.received += 1
            self.tasks[entry.task] += 1
            self.waiting[entry.id] = entry
        elif entry.what:
            self.waiting.pop(entry.id, None)
            self.errors += entry.what == FAILED
            self.succeeded += entry.what == SUCCEEDED
            self.completed += entry.what != RETRIED


def entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield what a log has, in order."""
    waiting: list[str] = []
    for raw in lines:
        line = _COLOUR.sub("", raw.rstrip("\r\n"))
        if line.startswith("{") and (read := _of_json(line)) is not None:
            yield from _of_text(waiting)
            waiting = []
            yield read
            continue
        if _HEAD.match(line):
            yield from _of_text(waiting)
            waiting = []
        waiting.append(line)
    yield from _of_text(waiting)


def _of_text(lines: list[str]) -> Iterator[Entry]:
    if not lines:
        return
    head = _HEAD.match(lines[0])
    if head is None:  # what stands above the first line that has a head: a banner
        yield Entry(tuple(lines))
        return
    what, task, id_ = _told(lines[0][head.end() :])
    trace = "\n".join(lines[1:]) if what == FAILED else ""
    yield Entry(tuple(lines), head["level"], what, task, id_, trace.rstrip())


def _of_json(line: str) -> Entry | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or "message" not in said:
        return None
    what, task, id_ = _told(str(said["message"]))
    trace = str(said.get("exception") or "") if what == FAILED else ""
    return Entry((line,), str(said.get("level", "")), what, task, id_, trace)


def _told(message: str) -> tuple[str, str, str]:
    """Return what a message says has become of which task."""
    found = _RECEIVED.match(message)
    if found:
        return RECEIVED, found["name"] or found["_name"], found["id"] or found["_id"]
    found = _REVOKED.match(message)
    if found:
        return OTHER, found["name"], found["id"]
    found = _TASK.match(message)
    if found and found["what"] in _ENDS:
        return _ENDS[found["what"]], found["name"], found["id"]
    return "", "", ""
