"""Groups as users hold them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from ...domain.canvas import workflow as domain
from ...domain.canvas.kinds import GROUP
from .canvas import Signature
from .compound import Workflow, app_of, no_signature, signatures_in, with_call
from .group_results import GroupResult

if TYPE_CHECKING:
    from typing import Self

    from .app import Celeriac


@Signature.register_type()
class group(Workflow):
    """Signatures that are called at the same time, with the same further arguments.

    `group(add.s(n, n) for n in range(100_000))` is consumed while it is sent: no more than a
    thousand messages are held at a time. Looking at its members makes them all.
    """

    def __new__(cls, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> "Self":
        """Return a group; one that makes its members on demand when they are an iterator."""
        if cls is group and len(tasks) == 1 and isinstance(tasks[0], Iterator):
            from .lazy_groups import LazyGroup

            return super().__new__(cast("type[Self]", LazyGroup))
        return super().__new__(cls)

    def __init__(self, *tasks: Any, app: "Celeriac | None" = None, **options: Any) -> None:
        """Take signatures, or an iterable of them."""
        members = _given(tasks)
        app = app or app_of(members)
        super().__init__(GROUP, (), {"tasks": members}, options, subtask_type="group", app=app)

    @property
    def tasks(self) -> list[Signature]:
        """The members."""
        tasks: list[Signature] = self.kwargs["tasks"]
        return tasks

    @tasks.setter
    def tasks(self, members: list[Signature]) -> None:
        self.kwargs["tasks"] = members

    # `sig` is Celery's name for what it calls `callback` and `errback` elsewhere.
    def link(self, sig: Signature) -> Signature:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Have a signature called after the first member, without its result, as Celery does."""
        if not self.tasks:
            raise ValueError("an empty group: there is no member to link to")
        return self.tasks[0].link(sig.clone().set(immutable=True))

    def link_error(self, sig: Signature) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Have a signature called for each member that fails."""
        return tuple(task.link_error(sig.clone()) for task in self.tasks)

    def set_immutable(self, immutable: bool) -> None:
        """Say whether the members take further arguments."""
        for task in self.tasks:
            task.set_immutable(immutable)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> "Self":
        """Give members a countdown (seconds) each `step` longer than the last, up to `stop`."""
        countdown = start
        for task in self.tasks:
            task.set(countdown=countdown)
            if stop is None or countdown + step <= stop:
                countdown += step
        return self

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send all members, a thousand in one publication; returns their GroupResult."""
        check_links(options)
        return super().apply_async(args, kwargs, **options)

    def apply(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run all members here and now."""
        call = with_call(self, args, kwargs, options)
        results = [
            Signature.from_dict(member.to_dict(), self.app).apply()
            for member in domain.members_of(call)
        ]
        return GroupResult(call.options.get("task_id") or self.app.new_id(), results, app=self.app)

    def __call__(self, *partial_args: Any, **options: Any) -> Any:
        """Send it with further arguments."""
        return self.apply_async(partial_args, **options)

    def _stamp(self, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
        from .stamping import stamp_group

        stamp_group(self, visitor, append, headers)

    def __len__(self) -> int:
        """Count the members."""
        return len(self.tasks)

    def __repr__(self) -> str:
        """Show the members."""
        return f"group({', '.join(map(repr, self.tasks))})"


def maybe_unroll_group(group: Signature) -> Signature:
    """Return the only member of a group of one; anything else as it is."""
    while isinstance(group, Workflow) and group.task == GROUP and len(group.kwargs["tasks"]) == 1:
        group = group.kwargs["tasks"][0]
    return group


def check_links(options: dict[str, Any]) -> None:
    """Raise TypeError for callbacks of a group as a whole."""
    for name in ("link", "link_error"):
        if options.pop(name, None) is not None:
            raise TypeError(
                f"{name} has no meaning for a group: use the members' own {name}, as in "
                f"group(add.s(1, 2).set({name}=…), …), or make it a chord: group(…) | then"
            )


def _given(tasks: tuple[Any, ...]) -> list[Signature]:
    if len(tasks) != 1:
        return signatures_in(tasks)
    given = tasks[0]
    if isinstance(given, group):
        return given.tasks
    if isinstance(given, Mapping):
        return signatures_in([given])
    if not isinstance(given, Iterable):
        raise TypeError(no_signature(given))
    return signatures_in(given)
