"""Calls of one task with many arguments: maps, starmaps, and chunks, a group of starmaps."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...domain.canvas.workflow import CHUNKS, MAP, STARMAP
from .canvas import Signature, maybe_signature
from .groups import group

if TYPE_CHECKING:
    from .app import Celeriac


class _Over(Signature):
    """One task, called once for each of many arguments."""

    _name: str

    def __init__(self, task: Any, it: Iterable[Any], **options: Any) -> None:
        """Take a task or a signature, and its arguments."""
        app = options.pop("app", None) or getattr(task, "_app", None)
        further = {name: options.pop(name) for name in ("n",) if name in options}
        called = task if isinstance(task, Signature) else maybe_signature(task.s(), app=app)
        super().__init__(
            self._name,
            (),
            {"task": called, "it": list(it), **further},
            options,
            immutable=True,
            app=app,
        )


class xmap(_Over):
    """One call that calls a task with each item in turn: `add.map([1, 2])`."""

    _name = MAP


class xstarmap(_Over):
    """One call that calls a task with each item as its arguments: `add.starmap([(1, 2)])`."""

    _name = STARMAP


class chunks(_Over):
    """A group of starmaps over parts of many arguments: `add.chunks(pairs, 100)`."""

    _name = CHUNKS

    def __init__(self, task: Any, it: Iterable[Any], n: int, **options: Any) -> None:
        """Take a task or a signature, its arguments, and how many a part has."""
        if n < 1:
            raise ValueError(f"chunks of n={n!r}: expected 1 or more")
        super().__init__(task, it, n=n, **options)

    def group(self) -> group:
        """Return the group of starmaps."""
        task, items, size = (self.kwargs[name] for name in ("task", "it", "n"))
        parts = _parts(items, size)
        return group([xstarmap(task, part, app=self._app) for part in parts], app=self._app)

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the group."""
        return self.group().apply_async(args, kwargs, **{**self.options, **options})

    def __call__(self, **options: Any) -> Any:
        """Send the group."""
        return self.apply_async(**options)

    @classmethod
    def apply_chunks(
        cls, task: Any, it: Iterable[Any], n: int, app: "Celeriac | None" = None
    ) -> Any:
        """Send the group of these."""
        return cls(maybe_signature(task, app=app), it, n, app=app)()


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
