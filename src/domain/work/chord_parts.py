"""What the end of a task means for chords: its own, and those that what never runs belongs to."""

from collections.abc import Iterator
from typing import Any, Final

from ..canvas.chords import ChordPart, Contribution
from ..canvas.signature import Signature
from ..canvas.unfold import never_sent
from ..messaging.message import TaskMessage
from ..messaging.payload import Payload
from ..tasks.builtin_names import JOIN_CHORD
from .attempt import Execution, ids_after


def part_of(run: Execution, state: str, result: Payload | None) -> tuple[Contribution, ...]:
    """Return the part that this task is of the chord it belongs to, if it belongs to one."""
    chord, message = run.body.embed.get("chord"), run.message
    if not chord or not message.group_id:
        return ()
    return (_part(run, chord, message.group_id, message.id, message.group_index, state, result),)


def parts_never_sent(run: Execution, state: str, result: Payload) -> tuple[Contribution, ...]:
    """Return the parts of chords that were to come of what follows a task that failed."""
    parts: list[Contribution] = []
    for call in calls_never_sent(run):
        chord, group_id = call.options.get("chord"), call.options.get("group_id")
        if chord and group_id:
            id_, index = str(call.options.get("task_id")), call.options.get("group_index")
            parts.append(_part(run, chord, group_id, id_, index, state, result))
    return tuple(parts)


def calls_never_sent(run: Execution) -> Iterator[Signature]:
    """Yield the calls in the rest of the chain, which do not run when a task before them fails."""
    for link in reversed(run.body.signatures("chain")):
        yield from never_sent(link)


def _part(
    run: Execution,
    chord: Any,
    group_id: str,
    task_id: str,
    index: int | None,
    state: str,
    result: Payload | None,
) -> Contribution:
    part = ChordPart(group_id, task_id, index, chord.get("chord_size"), state, result)
    message = run.message
    return Contribution(part, _completion(run, chord, group_id), message.id, message.root_id)


#: Chords of which the completions are kept.
_KEPT: Final = 50


def _completion(run: Execution, chord: Any, group_id: str) -> TaskMessage:
    """Return the message that is published when the last part is in.

    For all parts of a chord it is the same, and most are never published: so it is composed once.
    """
    message = run.message
    place = message.queue, message.exchange, message.routing_key, message.priority
    alike = (*place, message.content_type, message.reply_to, chord)
    known = run.completions.get(group_id)
    if known is not None and known[0] == alike:
        return known[1]
    made = _composed(run, chord, group_id)
    if len(run.completions) >= _KEPT:
        run.completions.clear()
    run.completions[group_id] = alike, made
    return made


def _composed(run: Execution, chord: Any, group_id: str) -> TaskMessage:
    """Make a completion.

    It goes where the header task came from: those who work there know its tasks.
    """
    message = run.message
    options = {
        **run.lineage,
        "task_id": next(ids_after(group_id, "complete")),
        "queue": message.queue or None,
        "exchange": None if message.queue else message.exchange,
        "routing_key": None if message.queue else message.routing_key,
        "priority": message.priority,
        "serializer": message.content_type,
        "ignore_result": True,
        "argsrepr": f"({group_id!r}, ...)",
        "kwargsrepr": "{}",
    }
    return run.compose(Signature(JOIN_CHORD, (group_id, chord), options=options))
