"""Signatures as users hold them: calls not yet made, that know their app."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ...domain.canvas.laying import listed, over
from ...domain.errors import NotSupported

if TYPE_CHECKING:
    from .app import Celeriac
    from .compound import Outgoing
    from .results import AsyncResult as Result


S = TypeVar("S", bound="Signature")


class Signature(dict[str, Any]):
    """A call not yet made. It is a dict in Celery's layout, so it travels in any message."""

    #: Classes of signatures by their `subtask_type`.
    TYPES: ClassVar[dict[str, "type[Signature]"]] = {}

    _app: "Celeriac | None" = None

    def __init__(
        self,
        task: Any = None,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        type: Any = None,  # noqa: A002 - Celery's name
        subtask_type: str | None = None,
        immutable: bool = False,
        app: "Celeriac | None" = None,
        **extra: Any,
    ) -> None:
        """Take a task, its name, or a stored signature; further keywords are options."""
        if isinstance(task, dict):
            super().__init__(task)
        else:
            name = task if isinstance(task, str) else task.name
            super().__init__(
                task=name,
                args=tuple(args or ()),
                kwargs=dict(kwargs or {}),
                options={**(options or {}), **extra},
                subtask_type=subtask_type,
                immutable=immutable,
            )
        self._app = app or getattr(task, "app", None)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: "Celeriac | None" = None) -> "Signature":
        """Return the stored signature as an object of its kind."""
        kind = d.get("subtask_type")
        if kind in _KINDS and kind not in cls.TYPES:
            from . import workflows  # noqa: F401 - only those who have one pay for it
        return cls.TYPES.get(kind, Signature)._held(d, app)  # type: ignore[arg-type]

    @classmethod
    def register_type(cls, name: str | None = None) -> "Callable[[type[S]], type[S]]":
        """Have stored signatures of this `subtask_type` made objects of the class decorated."""

        def add(kind: "type[S]") -> "type[S]":
            cls.TYPES[name or kind.__name__] = kind
            return kind

        return add

    @classmethod
    def _held(cls, d: Mapping[str, Any], app: "Celeriac | None") -> "Signature":
        made = cls.__new__(cls)
        dict.__init__(made, d)
        made._app = app
        return made

    @property
    def app(self) -> "Celeriac":
        """The app it is called through."""
        from .current import get_current

        return self._app or get_current()

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self["task"])

    @task.setter
    def task(self, name: str) -> None:
        self["task"] = name

    @property
    def args(self) -> tuple[Any, ...]:
        """Positional arguments."""
        return tuple(self.get("args") or ())

    @args.setter
    def args(self, args: Iterable[Any]) -> None:
        self["args"] = tuple(args)

    @property
    def kwargs(self) -> dict[str, Any]:
        """Keyword arguments."""
        return self.setdefault("kwargs", {})  # type: ignore[no-any-return]

    @kwargs.setter
    def kwargs(self, kwargs: dict[str, Any]) -> None:
        self["kwargs"] = kwargs

    @property
    def options(self) -> dict[str, Any]:
        """Call options."""
        return self.setdefault("options", {})  # type: ignore[no-any-return]

    @options.setter
    def options(self, options: dict[str, Any]) -> None:
        self["options"] = options

    @property
    def subtask_type(self) -> str | None:
        """What kind of work-flow it is; None: a call."""
        return self.get("subtask_type")

    @property
    def immutable(self) -> bool:
        """Whether no further arguments are taken."""
        return bool(self.get("immutable"))

    @immutable.setter
    def immutable(self, immutable: bool) -> None:
        self["immutable"] = immutable

    @property
    def id(self) -> str | None:
        """Task id, once it is frozen."""
        return self.options.get("task_id")

    @id.setter  # noqa: A003 - Celery's name
    def id(self, task_id: str) -> None:
        self.options["task_id"] = task_id

    @property
    def root_id(self) -> str | None:
        """Id of the first task of the work-flow, once it is frozen."""
        return self.options.get("root_id")

    @property
    def parent_id(self) -> str | None:
        """Id of the task before it, once it is frozen."""
        return self.options.get("parent_id")

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task

    @property
    def type(self) -> Any:
        """The task itself, if it is registered here."""
        return self.app.tasks[self.task]

    @property
    def AsyncResult(self) -> Any:
        """What makes the result of an id."""
        return self.app.AsyncResult

    def clone(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **opts: Any
    ) -> "Signature":
        """Return a copy with further arguments in front and further options."""
        out = Signature.from_dict(self, app=self._app)
        if not self.immutable:
            out["args"] = (*(args or ()), *self.args)
            out["kwargs"] = {**self.kwargs, **(kwargs or {})}
        else:
            out["args"], out["kwargs"] = self.args, dict(self.kwargs)
        own = dict(self.options)
        for name in ("link", "link_error"):
            if own.get(name):  # links of their own, since a copy may be stamped
                own[name] = [maybe_signature(one, clone=True) for one in listed(own[name])]
        out["options"] = over(own, opts)
        return out

    partial = clone

    def replace(
        self,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> "Signature":
        """Return a copy with these in place of its own."""
        out = self.clone()
        given = {"args": args, "kwargs": kwargs, "options": options}
        out.update({name: value for name, value in given.items() if value is not None})
        return out

    def freeze(
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give it its id before it is sent; returns the result it will have."""
        from .compound import freeze

        place = {"task_id": _id, "group_id": group_id, "group_index": group_index}
        return freeze(self, chord, root_id=root_id, parent_id=parent_id, **place)

    def set(self, immutable: bool | None = None, **options: Any) -> "Signature":
        """Set options in place; returns itself."""
        if immutable is not None:
            self.set_immutable(immutable)
        self.options.update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Say whether further arguments are taken."""
        self["immutable"] = immutable

    def append_to_list_option(self, key: str, value: Any) -> Any:
        """Add to an option that is a list, unless it is in there; returns it."""
        return self._append(key, value)

    def extend_list_option(self, key: str, value: Any) -> None:
        """Add one or several to an option that is a list."""
        self.options[key] = [*listed(self.options.get(key)), *listed(value)]

    def flatten_links(self) -> "list[Signature]":
        """Return it, its callbacks, and theirs."""
        callbacks = [
            maybe_signature(one, app=self._app) for one in listed(self.options.get("link"))
        ]
        return [self, *(one for callback in callbacks for one in callback.flatten_links())]

    def stamp(
        self, visitor: Any = None, append_stamps: bool = False, **headers: Any
    ) -> "Signature":
        """Mark it, and what is linked to it or part of it; returns itself.

        Args:
            visitor: A StampingVisitor, asked for the stamps of each signature.
            append_stamps: Keep all values of a stamp that is there already, as a list.
            headers: Stamps.
        """
        self._stamp(visitor, append_stamps, headers)
        return self

    def _stamp(self, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
        from .stamping import stamp_call

        stamp_call(self, visitor, append, headers)

    def stamp_links(self, visitor: Any, append_stamps: bool = False, **headers: Any) -> None:
        """Mark what is linked to it."""
        from .stamping import stamp_links

        stamp_links(self, visitor, append_stamps, headers)

    def link(self, callback: "Signature") -> "Signature":
        """Have another signature called with the result; returns that one."""
        self._append("link", callback)
        return callback

    def link_error(self, errback: "Signature") -> "Signature":
        """Have another signature called on failure; returns that one."""
        self._append("link_error", errback)
        return errback

    def on_error(self, errback: "Signature") -> "Signature":
        """As `link_error`; returns itself."""
        self.link_error(errback)
        return self

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> "Result[Any]":
        """Send it, with further arguments and options."""
        options.pop("route_name", None)
        options = {name: value for name, value in options.items() if value is not None}
        call = self.clone(args, kwargs, **options) if args or kwargs or options else self
        task = self.app.tasks.get(self.task)
        if task is None:
            return self.app.send_task(self.task, call.args, call.kwargs, **call.options)
        return task.apply_async(call.args, call.kwargs, **call.options)

    def delay(self, *partial_args: Any, **partial_kwargs: Any) -> "Result[Any]":
        """Send it with further arguments."""
        return self.apply_async(partial_args, partial_kwargs)

    def apply(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run it here and now."""
        call = self.clone(args, kwargs, **options)
        return self.type.apply(call.args, call.kwargs, **call.options)

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Call the task's function with the arguments, here and now."""
        call = self.clone(partial_args, partial_kwargs)
        return self.type(*call.args, **call.kwargs)

    def unfolded(self, app: "Celeriac") -> "Outgoing":
        """Return what is to be sent now, and the result of all of it."""
        raise NotSupported(
            f"a signature of the subtask_type {self['subtask_type']!r}: send it plain"
        )

    def election(self) -> "Result[Any]":
        """Have Celery's workers elect one of them to run it."""
        id_ = self.id or self.app.new_id()
        self.app.control.election(id_, "task", self.clone(task_id=id_))
        made: Result[Any] = self.app.AsyncResult(id_)
        return made

    def __or__(self, other: Any) -> Any:
        """Chain it: `a | b` calls b with the result of a."""
        if not isinstance(other, Signature):
            return NotImplemented
        from .workflows import chained

        return chained(self, other)

    __ior__ = __or__  # a dict's would take the other's keys

    def __invert__(self) -> Any:
        """Send it and wait for what it returns: `~add.s(2, 3)`."""
        return self.apply_async().get()

    def _append(self, key: str, value: Any) -> Any:
        items = listed(self.options.get(key))
        if value not in items:
            # A new list: copies of this signature hold the old one.
            self.options[key] = [*items, value]
        return value

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """Show it as a call with these arguments in front."""
        shown = [repr(arg) for arg in (*args, *self.args)]
        shown += [f"{name}={value!r}" for name, value in {**self.kwargs, **kwargs}.items()]
        return f"{self.task}({', '.join(shown)})"

    def __repr__(self) -> str:
        """Show it as a call."""
        return self.reprcall()

    def __json__(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dict(self)

    def __deepcopy__(self, memo: Any) -> "Signature":
        """Return a copy that shares arguments, which may be anything, and nothing else."""
        return self.clone()

    def __reduce__(self) -> Any:
        """Pickle as plain data."""
        return Signature.from_dict, (dict(self),)


#: Kinds whose classes are made on first use.
_KINDS = frozenset({"chain", "group", "chord"})


def signature(varies: Any, *args: Any, **kwargs: Any) -> Signature:
    """Return a signature of a task, a name, or a stored signature."""
    if isinstance(varies, Signature) and not args and not kwargs:
        return varies.clone()
    if isinstance(varies, Mapping):
        return Signature.from_dict(varies, app=kwargs.get("app"))
    return Signature(varies, *args, **kwargs)


def maybe_signature(d: Any, app: "Celeriac | None" = None, clone: bool = False) -> Any:
    """Return a stored signature as an object; None and anything else as it is."""
    if isinstance(d, Signature):
        return d.clone() if clone else d
    return Signature.from_dict(d, app=app) if isinstance(d, Mapping) else d


subtask = signature
