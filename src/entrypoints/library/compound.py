"""What chains, groups and chords have in common: signatures made of signatures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ...application.context import running
from ...domain.canvas import workflow as domain
from ...domain.canvas.chords import ChordOpening
from ...domain.canvas.kinds import has_chords
from ...domain.canvas.laying import errbacks_everywhere
from ...domain.canvas.signature import Signature as Plain
from ...domain.canvas.unfold import unfold
from ...domain.canvas.workflow import Kind
from ...domain.errors import NotSupported
from .canvas import Signature, maybe_signature
from .group_results import GroupResult
from .results import AsyncResult

if TYPE_CHECKING:
    from .app import Celeriac

#: Options of a call that are about its publication, and travel in no message.
_OF_SENDING = ("connection", "producer", "publisher", "retry", "retry_policy", "add_to_parent")


class Outgoing(NamedTuple):
    """What a work-flow is when it is sent: calls, the chords to open before, and its result."""

    calls: tuple[Plain, ...]
    opens: tuple[ChordOpening, ...]
    result: Any


class Workflow(Signature):
    """A signature made of signatures."""

    #: Where in `kwargs` they are.
    _parts: ClassVar[tuple[str, ...]] = ("tasks",)

    @classmethod
    def _held(cls, d: Mapping[str, Any], app: "Celeriac | None") -> Signature:
        made = super()._held(d, app)
        kwargs = dict(d.get("kwargs") or {})
        for name in cls._parts:
            kwargs[name] = _signatures(kwargs.get(name), app)
        made["kwargs"] = kwargs
        made._app = app or app_of(kwargs[cls._parts[0]])
        return made

    def clone(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **opts: Any
    ) -> Signature:
        """Return a copy with further arguments in front and further options."""
        out = super().clone(args, kwargs, **opts)
        for name in self._parts:
            out["kwargs"][name] = _copied(out["kwargs"].get(name))
        return out

    partial = clone

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it, with further arguments and options; nothing of it is sent when it is no good.

        Raises:
            NotSupported: It has a chord, and the result backend cannot count one.
            ValueError: It is no work-flow, or contains itself.
        """
        options.pop("route_name", None)
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        return _sent(self, args, kwargs, options)

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Send it with further arguments."""
        return self.apply_async(partial_args, partial_kwargs)

    def unfolded(self, app: "Celeriac") -> Outgoing:
        """Return what is to be sent now, and the result of all of it."""
        call = plain(self)
        if app.conf.task_allow_error_cb_on_chord_header:
            call = errbacks_everywhere(call)
        made = domain.frozen(call, app.new_id, reply_to=reply_address(app))
        unfolded = unfold(made, polled=app.conf.result_chord_polling)
        check_chords(app, made)
        return Outgoing(unfolded.calls, unfolded.opens, _result_of_sent(made, unfolded.calls, app))


def reply_address(app: "Celeriac") -> str | None:
    """Return where the results of a work-flow are to be sent, if they are sent back at all."""
    by_broker = str(app.conf.result_backend or "").partition(":")[0] == "rpc"
    return app.container.identity() if by_broker else None


def check_chords(app: "Celeriac", made: Plain) -> None:
    """Raise NotSupported for a chord that nobody would complete."""
    can = app.results.capabilities
    if domain.kind_of(made) is Kind.CALL or can.chords:
        return
    if has_chords(made) and not (app.conf.result_chord_polling and can.persistent):
        raise NotSupported(
            "a chord (or a group with something behind it) needs a result backend that counts its "
            f"parts, and result_backend is {app.conf.result_backend!r}: set it to a URL such as "
            "'redis://localhost/1' or 'sqlite:///results.sqlite3', or if it keeps results "
            "set result_chord_polling=True; without either, send a group"
        )


def freeze(sig: Signature, chord: Any, new_id: domain.NewId | None = None, /, **place: Any) -> Any:
    """Give a signature its ids, in place; returns the result it will have."""
    if chord is not None:
        place["chord"] = Plain.from_dict(chord).to_dict()
    place.setdefault("reply_to", reply_address(sig.app))
    made = domain.frozen(plain(sig), new_id or sig.app.new_id, **place)
    sig.update(Signature.from_dict(made.to_dict(), sig._app))
    return result_of(made, sig.app)


def result_of(sig: Plain, app: "Celeriac", parent: Any = None) -> Any:
    """Return the result of a frozen signature."""
    match domain.kind_of(sig):
        case Kind.CHAIN:
            for link in domain.links_of(sig):
                parent = result_of(link, app, parent)
            return parent
        case Kind.GROUP:
            # Members without parents, which the group has: as data they would be there n times.
            members = [result_of(member, app) for member in domain.members_of(sig)]
            return GroupResult(sig.options["task_id"], members, parent=parent, app=app)
        case Kind.CHORD:
            group_id, header, body = domain.halves_of(sig)
            members = [result_of(member, app) for member in header]
            return result_of(body, app, GroupResult(group_id, members, parent=parent, app=app))
        case _:
            id_ = sig.options["task_id"]
            return AsyncResult(id_, task_name=sig.task, app=app, parent=parent)


def _result_of_sent(made: Plain, calls: Sequence[Plain], app: "Celeriac") -> Any:
    """Return the result of a frozen signature whose calls to send now are known."""
    kind, header = domain.kind_of(made), made
    if kind is Kind.CHORD:
        header = Plain.from_dict(made.kwargs["header"])
    tasks = header.kwargs.get("tasks") or ()
    ids = [call.options["task_id"] for call in calls]
    made_of = [one["options"].get("task_id") for one in tasks]
    if kind not in (Kind.GROUP, Kind.CHORD) or ids != made_of:
        return result_of(made, app)
    # All are single calls, and there is no need to look at each again.
    members: list[Any] = [
        AsyncResult(id_, None, call.task, app) for id_, call in zip(ids, calls, strict=True)
    ]
    group = GroupResult(header.options["task_id"], members, app=app)
    if kind is Kind.GROUP:
        return group
    return result_of(Plain.from_dict(made.kwargs["body"]), app, group)


def _sent(
    sig: Workflow, args: Any, kwargs: Mapping[str, Any] | None, options: dict[str, Any]
) -> Any:
    own = of_sending(options)
    call = Signature.from_dict(with_call(sig, args, kwargs, options).to_dict(), sig._app)
    from .publishing import publish_many

    result = publish_many(sig.app, [call], 1000, own.get("connection"), own)[0]
    note_in_parent(result, own)
    return result


def of_sending(options: dict[str, Any]) -> dict[str, Any]:
    """Take out of options what is about publication."""
    return {name: options.pop(name) for name in _OF_SENDING if name in options}


def note_in_parent(result: Any, own: Mapping[str, Any]) -> None:
    """Note a result as a child of the task that runs, if one does."""
    frame = running()
    if frame is None or not own.get("add_to_parent", True):
        return
    # Without its parents: they are in the records of the links before.
    alone = _alone(result)
    if isinstance(result, AsyncResult) and isinstance(result.parent, GroupResult):
        # Of a chord's header there is no record.
        alone.parent = frame[0].add_trail(_alone(result.parent))
    frame[0].add_trail(alone)


def _alone(result: Any) -> Any:
    if isinstance(result, GroupResult):
        return GroupResult(result.id, [_alone(one) for one in result.results], app=result.app)
    return AsyncResult(result.id, app=result.app)


def with_call(
    sig: Signature, args: Any, kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> Plain:
    """Return the call as data, with arguments in front and further options."""
    call = domain.with_partial(plain(sig), args or (), kwargs or {})
    for name in ("link", "link_error"):
        if options.get(name):
            call = domain.with_links(call, name, options[name])
    further = {k: v for k, v in options.items() if v is not None and k not in _LINKS}
    return domain.overlaid(call, further) if further else call


_LINKS = ("link", "link_error")


def plain(sig: Signature) -> Plain:
    """Return a signature as the domain's data."""
    return Plain.from_dict(sig)


def app_of(parts: Any) -> "Celeriac | None":
    """Return the app that one of several signatures is of."""
    some: Iterable[Any] = [parts] if isinstance(parts, Mapping) else parts or ()
    return next((part._app for part in some if getattr(part, "_app", None) is not None), None)


def signatures_in(given: Iterable[Any], app: "Celeriac | None" = None) -> list[Signature]:
    """Return what is given as signatures. Raises TypeError for anything else."""
    listed = [maybe_signature(task, app=app) for task in given]
    for task in listed:
        if not isinstance(task, Signature):
            raise TypeError(no_signature(task))
    return listed


def no_signature(given: object) -> str:
    """Say what is wrong with something that is no signature."""
    return f"{given!r} is no signature: write add.s(…), not add or add(…)"


def _signatures(found: Any, app: "Celeriac | None") -> Any:
    if isinstance(found, list | tuple):
        return [maybe_signature(one, app=app) for one in found]
    return maybe_signature(found, app=app)


def _copied(found: Any) -> Any:
    if isinstance(found, list | tuple):
        return [one.clone() if isinstance(one, Signature) else one for one in found]
    return found.clone() if isinstance(found, Signature) else found
