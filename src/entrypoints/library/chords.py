"""Chords as users hold them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ...domain.canvas import workflow as domain
from ...domain.canvas.kinds import CHORD
from ...domain.canvas.laying import finals
from .canvas import Signature, maybe_signature
from .compound import Workflow, app_of, no_signature, plain, signatures_in, with_call
from .groups import group

if TYPE_CHECKING:
    from .app import Celeriac


@Signature.register_type()
class chord(Workflow):
    """A header of signatures, and a body that is called with the list of their results, once.

    `chord([add.s(1, 2), add.s(3, 4)], total.s())` is `group(…) | total.s()`. When a task of the
    header fails the body is not called: its errbacks are, with a ChordError.
    """

    _parts = ("header", "body")

    def __init__(
        self,
        header: Any,
        body: Any = None,
        task: str = CHORD,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        app: "Celeriac | None" = None,
        **options: Any,
    ) -> None:
        """Take a group or an iterable of signatures, and the signature to call after them."""
        members = _members(header, app)
        body = maybe_signature(body, app=app)
        if body is not None and not isinstance(body, Signature):
            raise TypeError(no_signature(body))
        app = app or app_of(members) or app_of([body])
        parts = {**(kwargs or {"kwargs": {}}), "header": members, "body": body}
        super().__init__(task, args, parts, options, subtask_type="chord", app=app)

    @property
    def tasks(self) -> Any:
        """The header: a list of signatures, or a group when it is frozen."""
        return self.kwargs["header"]

    @tasks.setter
    def tasks(self, header: Any) -> None:
        self.kwargs["header"] = header

    @property
    def body(self) -> Any:
        """What is called with the results."""
        return self.kwargs["body"]

    @body.setter
    def body(self, body: Any) -> None:
        self.kwargs["body"] = body

    def __call__(self, body: Any = None, **options: Any) -> Any:
        """Send it, with a body if it has none yet."""
        return self.apply_async((), {"body": body} if body else {}, **options)

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the header; returns the body's result, of which the header's is the parent.

        Arguments, `countdown` and `eta` are the header's; callbacks, errbacks and `task_id` are
        the body's, other options both's.

        Raises:
            NotSupported: The result backend cannot count a chord's parts.
        """
        given = dict(kwargs or {})
        body = given.pop("body", None)
        whole = self if body is None else self._with_body(maybe_signature(body, app=self._app))
        return super(chord, whole).apply_async(args, given, **options)

    def run(
        self,
        header: Any,
        body: Any,
        partial_args: Any = (),
        app: "Celeriac | None" = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Send another header and body, with the options of this chord."""
        for name in ("interval", "max_retries", "eager"):
            options.pop(name, None)  # of Celery's polling, which there is none of
        made = chord(header, body, app=app or self._app, **self.options)
        return made.apply_async(partial_args, kwargs, **options)

    def apply(
        self,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        propagate: bool = True,
        body: Any = None,
        **options: Any,
    ) -> Any:
        """Run header and body here and now; a header task that fails raises."""
        whole = self if body is None else self._with_body(maybe_signature(body, app=self._app))
        group_id, header, after = domain.halves_of(with_call(whole, args, kwargs, options))
        members = [Signature.from_dict(member.to_dict(), self.app) for member in header]
        above = group(members, app=self.app).apply(task_id=group_id)
        called = Signature.from_dict(after.to_dict(), self.app)
        result = called.apply((above.get(propagate=propagate),))
        first = result
        while first.parent is not None:
            first = first.parent
        first.parent = above
        return result

    def continued(self, behind: Iterable[Signature]) -> "chord":
        """Return a copy of which the body is followed by others."""
        made = cast("chord", self.clone())
        from .chains import chain

        made.body = chain(*([made.body] if made.body is not None else []), *behind)
        return made

    def link(self, callback: Signature) -> Signature:
        """Have another signature called with the body's result; returns that one."""
        self.body.link(callback)
        return callback

    def link_error(self, errback: Signature) -> Signature:
        """Have another signature called when header or body fail; returns that one.

        With `task_allow_error_cb_on_chord_header` each failing header task calls it too.
        """
        members = getattr(self.tasks, "tasks", self.tasks) or ()
        everywhere = self.app.conf.task_allow_error_cb_on_chord_header
        for task in members:
            if everywhere:
                task.link_error(errback.clone().set(immutable=True))
            if isinstance(task, chord):
                task.link_error(errback)
        self.body.link_error(errback)
        return errback

    def set_immutable(self, immutable: bool) -> None:
        """Say whether the tasks of the header take further arguments."""
        for task in getattr(self.tasks, "tasks", self.tasks) or ():
            task.set_immutable(immutable)

    def _stamp(self, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
        from .stamping import stamp_chord

        stamp_chord(self, visitor, append, headers)

    def __length_hint__(self) -> int:
        """Count the parts the body waits for."""
        members = getattr(self.tasks, "tasks", self.tasks) or ()
        return sum(finals(plain(task)) for task in members)

    def _with_body(self, body: Any) -> "chord":
        made = cast("chord", self.clone())
        made.body = body
        return made

    def __repr__(self) -> str:
        """Show header and body."""
        members = getattr(self.tasks, "tasks", self.tasks)
        return f"chord([{', '.join(map(repr, members))}], {self.body!r})"


def _members(header: Any, app: "Celeriac | None") -> list[Signature]:
    """Return the members of a header; the links of a chain are, as Celery has it."""
    header = maybe_signature(header, app=app)
    if isinstance(header, Workflow) and not isinstance(header, chord):
        return list(header.kwargs["tasks"])
    if isinstance(header, Mapping):
        return signatures_in([header], app)
    if not isinstance(header, Iterable):
        raise TypeError(no_signature(header))
    return signatures_in(header, app)
