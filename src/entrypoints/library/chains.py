"""Chains as users hold them, and what `|` makes of signatures."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, cast

from ...domain.canvas import workflow as domain
from ...domain.canvas.kinds import CHAIN
from ...domain.canvas.laying import listed
from ...domain.tasks import states
from .canvas import Signature
from .chords import chord
from .compound import Workflow, app_of, no_signature, signatures_in, with_call
from .eager_results import EagerResult
from .groups import group, maybe_unroll_group

if TYPE_CHECKING:
    from typing import Self

    from .app import Celeriac


@Signature.register_type()
class chain(Workflow):
    """Signatures of which each is called with the result of the one before: `a | b | c`.

    A group that is followed by something is a chord: what follows gets the list of its results.
    `chain(group(…), …)` is that chord itself.
    """

    def __new__(cls, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> "Self":
        """Return what `|` between the signatures would make."""
        if options or not tasks or (len(tasks) == 1 and isinstance(tasks[0], Mapping)):
            return super().__new__(cls)
        made = _folded(_given(tasks), app)
        if isinstance(made, chain):
            made.__dict__["_made"] = True
        return cast("Self", made)

    def __init__(self, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> None:
        """Take signatures, or an iterable of them."""
        if self.__dict__.pop("_made", False):
            return
        links = _given(tasks)
        app = app or app_of(links)
        super().__init__(CHAIN, (), {"tasks": links}, options, subtask_type="chain", app=app)

    @property
    def tasks(self) -> list[Signature]:
        """The links."""
        tasks: list[Signature] = self.kwargs["tasks"]
        return tasks

    @tasks.setter
    def tasks(self, links: list[Signature]) -> None:
        self.kwargs["tasks"] = links

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the first link, which carries the rest; returns the result of the last one.

        The results of the links before are its `parent`, the parent's `parent` and so on. Callbacks
        are the last link's, errbacks every link's, other options the first one's.
        """
        return super().apply_async(args, kwargs, **options) if self.tasks else None

    run = apply_async

    def apply(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run all links here and now."""
        call = with_call(self, args, kwargs, options)
        last: Any = None
        for link in domain.links_of(call):
            sig = Signature.from_dict(link.to_dict(), self.app)
            result = sig.apply((last.get(),) if last is not None else ())
            first = result
            while first.parent is not None:  # of a chord: its header
                first = first.parent
            first.parent, last = last, result
            if isinstance(result, EagerResult) and result.state in _ENDING:
                break
        return last

    def unchain_tasks(self) -> list[Signature]:
        """Return copies of its links, with what belongs to the chain as a whole on them."""
        links = [link.clone() for link in self.tasks]
        if not links:
            return links
        options = dict(self.options)
        callbacks, errbacks = options.pop("link", None), options.pop("link_error", None)
        further = {name: value for name, value in self.kwargs.items() if name != "tasks"}
        if self.args or further or options:
            links[0] = links[0].clone(self.args, further, **options)
        for callback in listed(callbacks):
            links[-1].link(callback)
        for errback in listed(errbacks):
            for link in links:
                link.link_error(errback)
        return links

    def _stamp(self, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
        from .stamping import stamp_chain

        stamp_chain(self, visitor, append, headers)

    def __repr__(self) -> str:
        """Show the links."""
        return " | ".join(map(repr, self.tasks)) or "chain()"


#: Results that no link is called with.
_ENDING = (states.IGNORED, states.REJECTED)


def chained(first: Signature, second: Signature) -> Any:
    """Return `first | second`, as Celery lays it out."""
    if isinstance(first, group):
        return first if _is_empty(second) else chord(first, second, app=first._app)
    if isinstance(first, chain):
        return _chain_and(first, second)
    if isinstance(first, chord):
        after = maybe_unroll_group(second)
        if not isinstance(after, group | chain):
            return first.continued([after])
    if isinstance(second, chain):
        return _chain_of([first, *second.unchain_tasks()], first._app)
    return _chain_of([first, maybe_unroll_group(second)], first._app)


def _chain_and(first: "chain", second: Signature) -> Any:
    if _is_empty(second):
        return first
    after = maybe_unroll_group(second)
    last = first.tasks[-1] if first.tasks else None
    calls = not isinstance(after, group | chain)
    if calls and (
        isinstance(last, group) or (isinstance(last, chord) and not isinstance(after, chord))
    ):
        # What the chain has of its own stays its own.
        own: list[_Step] = [(link.clone(), []) for link in first.tasks]
        made = cast("chain", first.clone())
        made.tasks = _ended(_added(own, after))
        return made
    if isinstance(after, group) and not first.tasks:
        return after
    steps: list[_Step] = [(link, []) for link in first.unchain_tasks()]
    links = after.unchain_tasks() if isinstance(after, chain) else [after]
    return _chain_of(_ended(reduce(_added, links, steps)), first._app)


#: A link, and what comes behind it and will be part of its body: it is a chord then.
_Step = tuple[Signature, list[Signature]]


def _folded(links: Iterable[Signature], app: "Celeriac | None") -> Any:
    """Return `a | b | c …` without making all the chains between."""
    steps: list[_Step] = []
    left = _flat(links)
    for link in left:
        if _is_empty(link):
            continue
        link = maybe_unroll_group(link)
        if isinstance(link, group) and not steps:
            return reduce(or_, left, link)
        steps = _added(steps, link)
    return _chain_of(_ended(steps), app)


def _flat(links: Iterable[Signature]) -> Iterator[Signature]:
    for link in links:
        yield from link.unchain_tasks() if isinstance(link, chain) else (link,)


def _added(steps: list[_Step], link: Signature) -> list[_Step]:
    """Add what comes behind: in the chain, or in the body of the chord it ends with."""
    if _is_empty(link):
        return steps
    link = maybe_unroll_group(link)
    last = steps[-1][0] if steps else None
    if isinstance(last, chord) and not isinstance(link, chord):
        steps[-1][1].append(link)
    elif isinstance(last, group) and not isinstance(link, group):
        steps[-1] = chord(last, link), []
        if len(steps) > 1 and isinstance(steps[-2][0], chord):
            steps[-2][1].append(steps.pop()[0])
    else:
        steps.append((link, []))
    return steps


def _ended(steps: list[_Step]) -> list[Signature]:
    return [
        link.continued(behind) if behind and isinstance(link, chord) else link
        for link, behind in steps
    ]


def _chain_of(links: list[Signature], app: "Celeriac | None") -> "chain":
    made = chain.__new__(chain)
    Workflow.__init__(
        made, CHAIN, (), {"tasks": links}, subtask_type="chain", app=app or app_of(links)
    )
    return made


def _is_empty(sig: Signature) -> bool:
    return isinstance(sig, group) and not sig.tasks


def _given(tasks: tuple[Any, ...]) -> list[Signature]:
    """Return the signatures given, one by one or as an iterable."""
    given: Iterable[Any] = tasks
    if len(tasks) == 1 and not isinstance(tasks[0], Mapping):
        given = tasks[0]
        if not isinstance(given, Iterable):
            raise TypeError(no_signature(given))
    return signatures_in(given)
