"""See a completed chord to its end: send its body, or have it fail with all that was to follow.

Called in the worker itself, wherever the completion was found: claimed from the broker, or by the
settler that counted the last part.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ..domain.canvas.chords import ChordPart
from ..domain.canvas.shape import in_shape
from ..domain.canvas.signature import Signature
from ..domain.canvas.unfold import Unfolded, applied, unfold
from ..domain.canvas.workflow import frozen
from ..domain.errors import BackendUnavailable, BrokerUnavailable, ChordError, Ignore
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from ..domain.tasks import states
from ..domain.work.attempt import Body, Compose, ids_after, with_options
from ..domain.work.job import Report
from ..domain.work.settlement import DeadLetter, Park
from ..ports.clock import Clock

logger = logging.getLogger("celeriac.worker")

#: When a completion whose parts could not be fetched is looked at again, in seconds.
AGAIN_SECONDS: Final = 1.0

#: Makes the report of a message that is never run.
Bury = Callable[[int, TaskMessage, BaseException], Report]


class HeaderReady(Ignore):
    """Raised by a task that has found all parts of a chord: its end is the chord's completion."""

    def __init__(self, group_id: str, chord: Mapping[str, Any], parts: Sequence[ChordPart]) -> None:
        super().__init__(group_id)
        self.group_id, self.chord, self.parts = group_id, chord, parts


class ChordJoiner:
    """Makes what follows from a chord whose parts are all in. Never raises."""

    def __init__(
        self,
        codec: Codec,
        results: Codec,
        compose: Compose,
        clock: Clock,
        bury: Bury,
        *,
        polled: bool = False,
    ) -> None:
        """Read messages with `codec`, parts with `results`.

        `polled`: further chords are not counted; see `unfold`.
        """
        self._codec, self._results, self._compose = codec, results, compose
        self._clock, self._bury, self._polled = clock, bury, polled

    def join(
        self, number: int, message: TaskMessage, parts: Callable[[str], Sequence[ChordPart]]
    ) -> Report:
        """Make the report of a completion; `parts` fetches those of a group."""
        try:
            group_id, chord = self._read(message)
            Signature.from_dict(chord)
            found = parts(group_id)
        except (BackendUnavailable, BrokerUnavailable) as away:
            logger.warning("the parts of a chord cannot be had yet: %s", away)
            later = self._clock.now() + timedelta(seconds=AGAIN_SECONDS)
            return Report(number, states.RETRY, Park(later), summary=str(away))
        except Exception as broken:
            why = f"a chord cannot be completed: {broken}"
            logger.error("%s", why)
            return Report(number, states.FAILURE, DeadLetter("chord", why), summary=why)
        return self.joined(number, message, group_id, chord, found, chord.get("chord_size"))

    def joined(
        self,
        number: int,
        message: TaskMessage,
        group_id: str,
        chord: Mapping[str, Any],
        found: Sequence[ChordPart],
        size: object = None,
    ) -> Report:
        """Make the report of a chord with these parts; `message` is where its body comes from.

        `size` is how many there were at least when they were counted.
        """
        body = Signature.from_dict(chord)
        whole = frozen(body, ids_after(message.id, "joined").__next__)
        try:
            values = self._values(found)
            _check_all_there(values, size)
            shaped = in_shape(values, chord.get("chord_shape"))
            return self._sent(number, message, group_id, whole, shaped)
        except Exception as failed:
            error = failed if isinstance(failed, ChordError) else ChordError(_unsendable(failed))
            return self._failed(number, message, group_id, whole, error)

    def _read(self, message: TaskMessage) -> tuple[str, Mapping[str, Any]]:
        group_id, chord = Body.read(self._codec.decode(message.payload)).args
        return str(group_id), chord

    def _values(self, parts: Sequence[ChordPart]) -> list[Any]:
        """Return what the header came to. Raises ChordError naming the first that failed."""
        values: list[Any] = []
        for part in parts:
            value = None if part.result is None else self._results.decode(part.result)
            if part.state != states.SUCCESS:
                raise ChordError(f"Dependency {part.task_id} raised {_shown(value)}")
            values.append(value)
        return values

    def _sent(
        self, number: int, message: TaskMessage, group_id: str, body: Signature, values: list[Any]
    ) -> Report:
        unfolded = unfold(applied(body, (values,)), polled=self._polled)
        messages = self._messages(message, unfolded)
        return Report(
            number,
            states.SUCCESS,
            publish=tuple(messages),
            opens=unfolded.opens,
            closes=(group_id,),
        )

    def _failed(
        self,
        number: int,
        message: TaskMessage,
        group_id: str,
        body: Signature,
        error: ChordError,
    ) -> Report:
        """Report a body that is never sent, as if it had been and had failed with this error."""
        unfolded = unfold(body)  # all of its chords fail here and now: no need to look again
        reports = [self._bury(number, one, error) for one in self._messages(message, unfolded)]
        return Report(
            number,
            states.FAILURE,
            results=tuple(record for one in reports for record in one.results),
            publish=tuple(sent for one in reports for sent in one.publish),
            summary=str(error),
            opens=(
                *unfolded.opens,
                *(opening for one in reports for opening in one.opens),
            ),
            parts=tuple(part for one in reports for part in one.parts),
            closes=(group_id,),
        )

    def _messages(self, completion: TaskMessage, unfolded: Unfolded) -> list[TaskMessage]:
        lineage = {"parent_id": completion.parent_id, "root_id": completion.root_id}
        return [self._compose(with_options(call, lineage)) for call in unfolded.calls]


def _check_all_there(found: Sequence[Any], size: object) -> None:
    """Raise ChordError if parts are gone that were counted: their time is limited."""
    if isinstance(size, int) and len(found) < size:
        raise ChordError(
            f"{size - len(found)} of the {size} results of this chord's header are gone: they have "
            "expired (result_expires) or were deleted before its last task ended; keep results "
            "longer than the longest chord runs"
        )


def _shown(stored: Any) -> str:
    """Return a stored exception as its repr would show it."""
    if not isinstance(stored, dict):
        return repr(stored)
    args = stored.get("exc_message")
    listed = args if isinstance(args, list | tuple) else [args]
    return f"{stored.get('exc_type')}({', '.join(map(repr, listed))})"


def _unsendable(why: Exception) -> str:
    return f"the body cannot be sent: {type(why).__name__}: {why}"
