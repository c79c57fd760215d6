"""What a running task may do to the work-flow around it: replace itself, add to its chord."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...domain.canvas.chords import ChordGrowth
from ...domain.canvas.laying import finals
from ...domain.errors import ImproperlyConfigured, NotSupported, ReplacedBy
from ...domain.work.attempt import ids_after
from .compound import freeze, plain

if TYPE_CHECKING:
    from .canvas import Signature
    from .task import Task


def replace_running(task: "Task[..., Any]", sig: "Signature") -> Any:
    """Leave the running task for the signature that takes its place; see Task.replace."""
    if "chord" in sig.options:
        raise ImproperlyConfigured(
            "a signature that replaces a task must not be part of a chord: leave its option out"
        )
    if sig.get("subtask_type") == "chain" and not sig["kwargs"].get("tasks"):
        raise ImproperlyConfigured("an empty chain cannot replace a task")
    request = task.request
    if request.is_eager:
        # Its callbacks are called with what it returns, and that is what the other one came to.
        return sig.apply().get()
    if request.called_directly:
        raise RuntimeError(f"{task.name} was called as a function: there is no message to replace")
    raise ReplacedBy(sig)


def add_to_running_chord(task: "Task[..., Any]", sig: "Signature", *, lazy: bool) -> Any:
    """Add a signature to the chord of the running task; see Task.add_to_chord."""
    request = task.request
    if not request.chord or not request.group:
        raise ValueError(f"{task.name}: this call is in no chord that anything could be added to")
    polled = task.app.conf.result_chord_polling or not task.app.results.capabilities.chords
    if polled and "chord_size" not in request.chord:
        raise NotSupported(
            f"{task.name}: nothing can be added to a chord that is polled for: its header is told "
            "when it is sent. Set result_chord_polling=False, where no Celery worker runs parts of "
            "chords, or replace the task by a group"
        )
    sig.set(
        group_id=request.group,
        group_index=request.group_index,
        chord=request.chord,
        root_id=request.root_id,
    )
    result = freeze(sig, None, _ids_of(request).__next__)
    if lazy:
        by = finals(plain(sig))
        task.app.results.grow_chords([ChordGrowth(request.group, by, result.id)])
        return sig
    request.__dict__["_add_to_chord"](plain(sig))
    task.add_trail(result)
    return result


def _ids_of(request: Any) -> Iterator[str]:
    """Return the ids of what a task adds: the same when the same attempt is made again."""
    attempt = f"added {request.replaced_task_nesting} {request.retries}"
    ids: Iterator[str] = request.__dict__.setdefault("_ids", ids_after(request.id, attempt))
    return ids
