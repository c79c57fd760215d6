"""Results of groups, saved and restored, and results made of the data they are kept as."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...domain.tasks.result_record import GroupRecord
from .result_sets import ResultSet
from .results import AsyncResult

if TYPE_CHECKING:
    from .app import Celeriac


class GroupResult(ResultSet):
    """The results of a group, under its id."""

    #: The app that `app.GroupResult` restores from.
    of_app: "Celeriac | None" = None
    id: str | None = None

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - Celery's name
        results: Iterable[Any] | None = None,
        parent: Any = None,
        app: "Celeriac | None" = None,
        **_: Any,
    ) -> None:
        """Hold the results of the group with this id."""
        super().__init__(results or (), app=app or self.of_app)
        self.id, self.parent = id, parent

    @property
    def children(self) -> list[Any]:
        """The results."""
        return self.results

    def save(self, backend: Any = None) -> None:
        """Keep it under its id, to be restored in another process."""
        if self.id is None:
            raise ValueError("a GroupResult without an id cannot be saved")
        now = self.app.container.clock().now()
        (backend or self.app.results).save_groups([GroupRecord(self.id, self.as_tuple(), now)])

    def delete(self, backend: Any = None) -> None:
        """Undo `save`."""
        if self.id is not None:
            (backend or self.app.results).forget_groups([self.id])

    @classmethod
    def restore(
        cls,
        id: str,  # noqa: A002 - Celery's name
        backend: Any = None,
        app: "Celeriac | None" = None,
    ) -> "GroupResult | None":
        """Return the group result saved under an id; None: nothing is kept."""
        from .current import get_current

        app = app or cls.of_app or get_current()
        record = (backend or app.results).fetch_groups([id])[0]
        return None if record is None else result_from_tuple(record.result, app=app)

    def as_tuple(self) -> Any:
        """Return it as plain data: ((id, parent), children)."""
        parent = self.parent and self.parent.as_tuple()
        return (self.id, parent), [one.as_tuple() for one in self.results]

    def __bool__(self) -> bool:
        """True when there is an id or a result."""
        return bool(self.id or self.results)

    def __eq__(self, other: object) -> bool:
        """Group results are equal when ids and results are; an id is equal too."""
        if isinstance(other, GroupResult):
            return (self.id, self.results) == (other.id, other.results)
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        """Hash the id."""
        return hash(self.id)

    def __str__(self) -> str:
        """Return the id."""
        return str(self.id)

    def __repr__(self) -> str:
        """Show the ids."""
        ids = ", ".join(str(one) for one in self.results)
        return f"<GroupResult: {self.id} [{ids}]>"

    def __reduce__(self) -> Any:
        """Pickle ids."""
        return GroupResult, (self.id, self.results, self.parent)


def result_from_tuple(r: Any, app: "Celeriac | None" = None) -> Any:
    """Return the result that plain data stands for, however JSON has changed it."""
    above: list[Any] = []
    while isinstance(r, list | tuple):
        head, children = r if len(r) == 2 else (r, None)
        id_, parent = head if isinstance(head, list | tuple) else (head, None)
        above.append((id_, children))
        r = parent
    if r is not None and not isinstance(r, str):
        return r
    made: Any = AsyncResult(r, app=app) if r is not None else None
    for id_, children in reversed(above):
        if children is None:
            made = AsyncResult(id_, app=app, parent=made)
        else:
            results = [result_from_tuple(child, app) for child in children]
            made = GroupResult(id_, results, parent=made, app=app)
    return made
