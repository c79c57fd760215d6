"""The header of a chord that nobody counts: its parts, looked up by their results."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...domain.canvas.chords import ChordPart

if TYPE_CHECKING:
    from .app import Celeriac


def header_of(app: "Celeriac", group_id: str, results: Iterable[Any]) -> list[ChordPart] | None:
    """Return the parts of a header told as result tuples; None: it is not done yet."""
    ids = [id_ for told in results for id_ in _leaves(told)]
    records = app.results.fetch(ids)
    parts: list[ChordPart] = []
    for index, (id_, record) in enumerate(zip(ids, records, strict=True)):
        if record is None or not record.ready:
            return None
        parts.append(ChordPart(group_id, id_, index, len(ids), record.state, record.result))
    return parts


def _leaves(told: Any) -> Iterator[str]:
    """Yield the ids of tasks in a result tuple: ((id, parent), children of a group)."""
    (id_, _), members = told
    if not members:
        yield str(id_)
        return
    for member in members:
        yield from _leaves(member)
