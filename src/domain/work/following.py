"""What is sent because a task came to its end: callbacks, next link, errbacks, a replacement."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..canvas.chords import ChordGrowth, ChordOpening
from ..canvas.signature import Signature
from ..canvas.unfold import applied, never_sent, result_tuple, unfold
from ..canvas.workflow import Kind, frozen, kind_of, with_links
from ..errors import ImproperlyConfigured
from ..messaging.message import TaskMessage
from ..tasks.builtin_names import ACCUMULATE
from ..tasks.options import merged
from .attempt import Execution, ids_after, with_options


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Messages to send now, the chords among them, and what is kept as the task's children."""

    messages: tuple[TaskMessage, ...] = ()
    opens: tuple[ChordOpening, ...] = ()
    children: tuple[Any, ...] = ()
    grows: tuple[ChordGrowth, ...] = ()


#: What follows most tasks.
NOTHING: Final = FollowUps()


def after_success(run: Execution, value: Any) -> FollowUps:
    """Return what becomes of the callbacks and of the chain's next link."""
    embed = run.body.embed
    if not embed.get("callbacks") and not embed.get("chain"):
        return NOTHING
    ids = ids_after(run.message.id, "returned")
    sent = [
        follow_up(run, applied(sig, (value,)), None, ids)
        for sig in run.body.signatures("callbacks")
    ]
    rest = list(embed.get("chain") or ())
    if rest:
        link = applied(Signature.from_dict(rest.pop()), (value,))
        sent.append(follow_up(run, link, rest, ids))
    return joined(sent)


def after_failure(run: Execution) -> FollowUps:
    """Return what becomes of the errbacks; each gets the id of the task that failed."""
    ids = ids_after(run.message.id, "raised")
    return joined(
        follow_up(run, applied(sig, (run.message.id,)), None, ids)
        for sig in run.body.signatures("errbacks")
    )


def follow_up(
    run: Execution, sig: Signature, rest: Sequence[Mapping[str, Any]] | None, ids: Iterator[str]
) -> FollowUps:
    """Return what a signature becomes when it is sent now.

    `rest` is what comes after it in its chain, None if it is in none.
    """
    if kind_of(sig) is Kind.CALL:
        options = {**run.lineage, "chain": rest} if rest is not None else run.lineage
        if not sig.options.get("task_id"):
            options = {**options, "task_id": next(ids)}
        message = run.compose(with_options(sig, options))
        return FollowUps((message,), (), (((message.id, None), None),))
    whole = frozen(sig, ids.__next__)
    unfolded = unfold(whole, rest or (), polled=run.polled)
    calls = (with_options(call, run.lineage) for call in unfolded.calls)
    messages = tuple(run.compose(call) for call in calls)
    return FollowUps(messages, unfolded.opens, (result_tuple(whole),))


def joined(several: Iterable[FollowUps]) -> FollowUps:
    """Return all of them as one."""
    listed = tuple(several)
    return FollowUps(
        tuple(message for one in listed for message in one.messages),
        tuple(opening for one in listed for opening in one.opens),
        tuple(child for one in listed for child in one.children),
        tuple(growth for one in listed for growth in one.grows),
    )


def additions(run: Execution) -> FollowUps:
    """Return what is sent of the calls that a task has added to its chord."""
    sent = FollowUps()
    ids = ids_after(run.message.id, f"added {nesting_of(run.message)}")
    for sig in run.added:
        whole = frozen(sig, ids.__next__)
        parts = sum(1 for call in never_sent(whole) if call.options.get("chord"))
        one = follow_up(run, whole, None, ids)
        growth = ChordGrowth(str(run.message.group_id), parts, str(whole.options.get("task_id")))
        sent = joined([sent, FollowUps(one.messages, one.opens, one.children, (growth,))])
    return sent


#: Options that the replacement inherits, by the name of the message's header.
_INHERITED: Final = (("group_id", "group_id"), ("group_index", "group_index"))


def replacement(run: Execution, sig: Signature) -> FollowUps:
    """Return what is sent in a task's stead: under its id, with all that was to follow it.

    A group's results are gathered into one list, since one task stands behind one id. Raises
    ImproperlyConfigured for what cannot stand in for a task.
    """
    if "chord" in sig.options:
        raise ImproperlyConfigured("a signature that replaces a task must not be part of a chord")
    message, body = run.message, run.body
    kind = kind_of(sig)
    if kind is Kind.CHAIN and not sig.kwargs.get("tasks"):
        raise ImproperlyConfigured("an empty chain cannot replace a task")
    if kind is Kind.GROUP or _ends_in_a_group(sig):
        gather = Signature(ACCUMULATE, (), {"index": 0}).to_dict()
        tasks = [sig.to_dict(), gather]
        sig = Signature("celery.chain", (), {"tasks": tasks}, {}, "chain")
    for option, further in (("link", "callbacks"), ("link_error", "errbacks")):
        if body.embed.get(further):
            sig = with_links(sig, option, body.embed[further])
    # What replaces a task may be replaced in its turn, under the same id.
    nesting = nesting_of(message) + 1
    place: dict[str, Any] = {"task_id": message.id, "replaced_task_nesting": nesting}
    for option, attribute in _INHERITED:
        if getattr(message, attribute) is not None:
            place[option] = getattr(message, attribute)
    if body.embed.get("chord"):
        sig = replace(sig, options=merged(sig.options, {"chord": body.embed["chord"]}))
    whole = frozen(sig, ids_after(message.id, f"replaced {nesting}").__next__, **place)
    unfolded = unfold(whole, body.embed.get("chain") or (), polled=run.polled)
    own = {**run.lineage, "replaced_task_nesting": nesting}
    stamps = {
        name: message.headers[name]
        for name in ("stamps", "stamped_headers")
        if message.headers.get(name)
    }
    calls = (with_options(call, {**own, **stamps}) for call in unfolded.calls)
    return FollowUps(tuple(run.compose(call) for call in calls), unfolded.opens)


def nesting_of(message: TaskMessage) -> int:
    """Return how many tasks before this one were replaced under its id."""
    return int(message.headers.get("replaced_task_nesting") or 0)


def _ends_in_a_group(sig: Signature) -> bool:
    tasks = sig.kwargs.get("tasks")
    if kind_of(sig) is not Kind.CHAIN or not isinstance(tasks, list | tuple) or not tasks:
        return False
    last = Signature.from_dict(tasks[-1])
    return kind_of(last) is Kind.GROUP or _ends_in_a_group(last)
