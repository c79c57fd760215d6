"""Chains and groups as users hold them. What they mean is the domain's to say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ...application.context import running
from ...domain.canvas import workflow as domain
from ...domain.canvas.signature import Signature as Plain
from ...domain.canvas.unfold import unfold
from ...domain.canvas.workflow import CHAIN, CHORD, GROUP, Kind
from ...domain.errors import NotSupported
from ...domain.tasks.options import merged
from .canvas import Signature, maybe_signature
from .group_results import GroupResult
from .results import AsyncResult

if TYPE_CHECKING:
    from typing import Self

    from .app import Celeriac

#: Options of a call that are about its publication, and travel in no message.
_OF_SENDING = ("connection", "producer", "publisher", "retry", "retry_policy", "add_to_parent")


class Workflow(Signature):
    """A signature made of signatures."""

    @classmethod
    def _held(cls, d: Mapping[str, Any], app: "Celeriac | None") -> Signature:
        made = super()._held(d, app)
        tasks = [maybe_signature(task, app=app) for task in made.kwargs.get("tasks") or ()]
        made["kwargs"] = {**made.kwargs, "tasks": tasks}
        made._app = app or _app_of(tasks)
        return made

    @property
    def tasks(self) -> list[Signature]:
        """What it is made of."""
        tasks: list[Signature] = self.kwargs["tasks"]
        return tasks

    def clone(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **opts: Any
    ) -> Signature:
        """Return a copy with further arguments in front and further options."""
        out = super().clone(args, kwargs, **opts)
        out["kwargs"]["tasks"] = [task.clone() for task in self.tasks]
        return out

    partial = clone

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it, with further arguments and options; nothing of it is sent when it is no good."""
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        return _sent(self, args, kwargs, options)

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Send it with further arguments."""
        return self.apply_async(partial_args, partial_kwargs)

    def unfolded(self, app: "Celeriac") -> tuple[Iterator[Signature], Any]:
        """Return the calls to send now, and the result of all of it."""
        made = domain.frozen(_plain(self), app.new_id)
        calls = unfold(made).calls
        return (Signature.from_dict(call.to_dict(), app) for call in calls), result_of(made, app)


class chain(Workflow):
    """Signatures of which each is called with the result of the one before: `a | b | c`."""

    def __new__(cls, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> "Self":
        """Return the chain; of one signature alone, that one."""
        given = _listed(tasks)
        if len(given) == 1 and not options:
            return cast("Self", given[0])
        made = super().__new__(cls)
        made.__dict__["_given"] = given
        return made

    def __init__(self, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> None:
        """Take signatures, or an iterable of them."""
        given = self.__dict__.pop("_given", None)
        if given is None:
            return  # of one signature, which was made before
        links = [link for part in given for link in _links(part)]
        app = app or _app_of(links)
        super().__init__(CHAIN, (), {"tasks": links}, options, subtask_type="chain", app=app)

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the first link, which carries the rest; returns the result of the last one.

        The results of the links before are its `parent`, the parent's `parent` and so on. Callbacks
        are the last link's, errbacks every link's, other options the first one's.
        """
        return super().apply_async(args, kwargs, **options) if self.tasks else None

    def apply(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run all links here and now."""
        call = _with_call(self, args, kwargs, options)
        last: Any = None
        for link in domain.links_of(call):
            sig = Signature.from_dict(link.to_dict(), self.app)
            result = sig.apply((last.get(),) if last is not None else ())
            result.parent, last = last, result
        return last

    def unchain_tasks(self) -> list[Signature]:
        """Return copies of its links, with what belongs to the chain as a whole on them."""
        links = domain.links_of(_plain(self))
        return [Signature.from_dict(link.to_dict(), self._app) for link in links]

    def __repr__(self) -> str:
        """Show the links."""
        return " | ".join(map(repr, self.tasks)) or "chain()"


class group(Workflow):
    """Signatures that are called at the same time, with the same further arguments."""

    def __init__(self, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> None:
        """Take signatures, or an iterable of them."""
        given = _listed(tasks)
        if len(given) == 1 and isinstance(first := given[0], group):
            given = first.tasks
        app = app or _app_of(given)
        super().__init__(GROUP, (), {"tasks": given}, options, subtask_type="group", app=app)

    def link(self, callback: Signature) -> Signature:
        """Have a signature called after the first member, without its result, as Celery does."""
        if not self.tasks:
            raise ValueError("an empty group: there is no member to link to")
        return self.tasks[0].link(callback.clone().set(immutable=True))

    def link_error(self, errback: Signature) -> Any:
        """Have a signature called for each member that fails."""
        return tuple(task.link_error(errback) for task in self.tasks)

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send all members, a thousand in one publication; returns their GroupResult."""
        for name in ("link", "link_error"):
            if options.get(name) is not None:
                raise TypeError(
                    f"{name} has no meaning for a group: use the members' own {name}, as in "
                    f"group(add.s(1, 2).set({name}=…), …)"
                )
            options.pop(name, None)
        return super().apply_async(args, kwargs, **options)

    def apply(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run all members here and now."""
        call = _with_call(self, args, kwargs, options)
        results = [
            Signature.from_dict(member.to_dict(), self.app).apply()
            for member in domain.members_of(call)
        ]
        return GroupResult(call.options.get("task_id") or self.app.new_id(), results, app=self.app)

    def __len__(self) -> int:
        """Count the members."""
        return len(self.tasks)

    def __repr__(self) -> str:
        """Show the members."""
        return f"group({', '.join(map(repr, self.tasks))})"


class chord(Signature):
    """A group whose results go to one more task. Not there yet."""

    def __init__(self, header: Any = None, body: Any = None, **options: Any) -> None:
        """Say that it is not there yet."""
        raise _no_chords("chord(header, body)")

    @classmethod
    def _held(cls, d: Mapping[str, Any], app: "Celeriac | None") -> Signature:
        raise _no_chords(f"the stored {CHORD}")


Signature.TYPES.update(chain=chain, group=group, chord=chord)


def chained(first: Signature, second: Signature) -> Signature:
    """Return `first | second`."""
    return chain(first, second)


def freeze(sig: Signature, chord: Any, **place: Any) -> Any:
    """Give a signature its ids, in place; returns the result it will have."""
    if chord is not None:
        raise _no_chords("freeze(chord=…)")
    made = domain.frozen(_plain(sig), sig.app.new_id, **place)
    sig.update(Signature.from_dict(made.to_dict(), sig._app))
    return result_of(made, sig.app)


def result_of(sig: Plain, app: "Celeriac", parent: Any = None) -> Any:
    """Return the result of a frozen signature."""
    match domain.kind_of(sig):
        case Kind.CHAIN:
            for link in domain.parts_of(sig):
                parent = result_of(link, app, parent)
            return parent
        case Kind.GROUP:
            members = [result_of(member, app, parent) for member in domain.parts_of(sig)]
            return GroupResult(sig.options["task_id"], members, parent=parent, app=app)
        case _:
            id_ = sig.options["task_id"]
            return AsyncResult(id_, task_name=sig.task, app=app, parent=parent)


def _sent(
    sig: Workflow, args: Any, kwargs: Mapping[str, Any] | None, options: dict[str, Any]
) -> Any:
    own = {name: options.pop(name) for name in _OF_SENDING if name in options}
    call = Signature.from_dict(_with_call(sig, args, kwargs, options).to_dict(), sig._app)
    from .publishing import publish_many

    result = publish_many(sig.app, [call], 1000, own.get("connection"), own)[0]
    frame = running()
    if frame is not None and own.get("add_to_parent", True):
        # Without its parents: they are in the records of the links before.
        frame[0].add_trail(_alone(result))
    return result


def _no_chords(what: str) -> NotSupported:
    return NotSupported(f"{what}: chords are not there yet")


def _alone(result: Any) -> Any:
    if isinstance(result, GroupResult):
        return GroupResult(result.id, [_alone(one) for one in result.results], app=result.app)
    return AsyncResult(result.id, app=result.app)


def _with_call(
    sig: Signature, args: Any, kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> Plain:
    """Return the call as data, with arguments in front and further options."""
    call = domain.with_partial(_plain(sig), args or (), kwargs or {})
    for name in ("link", "link_error"):
        if options.get(name):
            call = domain.with_links(call, name, options[name])
    rest = {name: value for name, value in options.items() if name not in ("link", "link_error")}
    return replace(call, options=merged(call.options, rest))


def _links(sig: Signature) -> list[Signature]:
    """Return the links that a part adds to a chain: itself, unless it is one or of one."""
    if not isinstance(sig, Workflow):
        return [sig]
    if isinstance(sig, chain) and not (sig.args or sig.options or len(sig.kwargs) > 1):
        return sig.tasks
    links = domain.links_of(_plain(sig))
    return [sig] if links == [_plain(sig)] else _of(links, sig._app)


def _of(calls: Iterable[Plain], app: "Celeriac | None") -> list[Signature]:
    return [Signature.from_dict(call.to_dict(), app) for call in calls]


def _plain(sig: Signature) -> Plain:
    return Plain.from_dict(sig)


def _listed(tasks: tuple[Any, ...]) -> list[Signature]:
    """Return the signatures given, one by one or as an iterable."""
    given: Iterable[Any] = tasks
    if len(tasks) == 1 and not isinstance(tasks[0], Mapping):
        given = tasks[0]
        if not isinstance(given, Iterable):
            raise TypeError(_no_signature(given))
    listed = [maybe_signature(task) for task in given]
    for task in listed:
        if not isinstance(task, Signature):
            raise TypeError(_no_signature(task))
    return listed


def _no_signature(given: object) -> str:
    return f"{given!r} is no signature: write add.s(…), not add or add(…)"


def _app_of(tasks: Iterable[Signature]) -> "Celeriac | None":
    return next((task._app for task in tasks if task._app is not None), None)
