"""Draw a work-flow before it is run, or the tree of a result with the states so far."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...domain.canvas.drawing import Arrow, Box, Node, Picture
from ...domain.canvas.picturing import pictured
from ...domain.canvas.signature import Signature as Plain
from ...domain.tasks import states
from .eager_results import EagerResult
from .group_results import result_from_tuple
from .known_results import ResultBase
from .result_sets import ResultSet

if TYPE_CHECKING:
    from .app import Celeriac


def graph(work: Any, *, most: int = 20) -> Picture:
    """Return a picture of a signature, or of a result and all that is known to belong to it.

    `print(graph(flow).mermaid())` and `.dot()` give it as text for Mermaid and Graphviz. A result
    is looked up when it is drawn: its parents, its children and theirs, with their states now.

    Args:
        work: A signature of any kind, or a result of any kind.
        most: How many members of a group are drawn one by one.

    Raises:
        ValueError: The signature is no work-flow, or contains itself.
        TypeError: It is neither a signature nor a result.
    """
    if isinstance(work, Mapping):
        return pictured(Plain.from_dict(work), most)
    if isinstance(work, ResultBase):
        return _Tree(most).of(work)
    raise TypeError(f"graph({work!r}): expected a signature, such as add.s(2, 3), or a result")


class _Group:
    """A box in the making: its members in order."""

    def __init__(self, key: str, members: list["str | _Group"]) -> None:
        self.key, self.members = key, members


#: The ids where something begins, and those where it ends.
Ends = tuple[list[str], list[str]]


class _Tree:
    """What is known of results, by their ids; a level of children costs one look."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._labels: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._groups: dict[str, _Group] = {}
        self._top: list[str | _Group] = []
        self._ends: dict[str, list[str]] = {}
        self._arrows: dict[tuple[str, str], None] = {}
        self._unknown: list[str] = []

    def of(self, result: Any) -> Picture:
        self._add(result, self._top)
        while self._unknown:
            ids, self._unknown = self._unknown, []
            self._look(result.app, ids)
        keys = {id_: f"n{number}" for number, id_ in enumerate(self._labels)}
        shown: set[str] = set()
        items = list(self._drawn(self._top, keys, shown))
        arrows = [
            Arrow(keys[one], keys[other])
            for one, other in self._arrows
            if one in shown and other in shown
        ]
        return Picture(items, arrows)

    def _look(self, app: "Celeriac", ids: list[str]) -> None:
        for id_, found in zip(ids, app.fetching.fetch_many(ids), strict=True):
            self._states[id_] = states.PENDING if found is None else found.record.state
            if found is None:
                continue
            extended = found.record.extended
            if extended is not None and extended.name:
                self._labels[id_] = _label(id_, extended.name)
            for child in found.record.children:
                begins, _ = self._add(result_from_tuple(child, app), self._top)
                self._point([id_], begins)

    def _add(self, result: Any, into: list["str | _Group"]) -> Ends:
        """Add a result with its parents; return where they begin, and where it ends.

        With parents that are there already it begins nowhere: it is joined to them.
        """
        line = [result]
        while (parent := line[-1].parent) is not None and _key(parent) not in self._ends:
            line.append(parent)
        begins: list[str] = []
        ends = [] if parent is None else self._ends[_key(parent)]
        for one in reversed(line):
            first, last = self._add_one(one, into if one is result else self._top)
            self._ends[_key(one)] = last
            self._point(ends, first)
            begins, ends = begins or first, last
        return [] if parent is not None else begins, ends

    def _add_one(self, result: Any, into: list["str | _Group"]) -> Ends:
        if isinstance(result, ResultSet):
            return self._add_group(result, into)
        id_ = _key(result)
        if id_ not in self._labels:
            self._labels[id_] = _label(id_, result.task_name)
            into.append(id_)
            if isinstance(result, EagerResult):
                self._states[id_] = result.state
            else:
                self._unknown.append(id_)
        return [id_], [id_]

    def _add_group(self, result: ResultSet, into: list["str | _Group"]) -> Ends:
        key = _key(result)
        if key not in self._groups:
            self._groups[key] = _Group(key, [])
            into.append(self._groups[key])
        members = self._groups[key].members
        added = [self._add(one, members) for one in result.results]
        return [i for first, _ in added for i in first], [i for _, last in added for i in last]

    def _point(self, ids: list[str], others: list[str]) -> None:
        pairs = ((one, other) for one in ids for other in others if one != other)
        self._arrows.update(dict.fromkeys(pairs))

    def _drawn(
        self, members: list["str | _Group"], keys: Mapping[str, str], shown: set[str]
    ) -> Iterator[Node | Box]:
        for one in members:
            if isinstance(one, str):
                shown.add(one)
                yield Node(keys[one], self._labels[one], self._states.get(one))
                continue
            number = list(self._groups).index(one.key)
            items = list(self._drawn(one.members[: self._most], keys, shown))
            if rest := one.members[self._most :]:
                items.append(Node(f"m{number}", self._summary(rest)))
            yield Box(f"g{number}", f"group of {len(one.members)}", items)

    def _summary(self, members: list["str | _Group"]) -> str:
        counted = Counter(self._states.get(one, "") for one in members if isinstance(one, str))
        return f"… {len(members)} more: " + ", ".join(
            f"{number} {state}" for state, number in sorted(counted.items())
        )


def _key(result: Any) -> str:
    return str(getattr(result, "id", None) or id(result))


def _label(id_: str, name: str | None) -> str:
    short = id_ if len(id_) <= 12 else id_[:8] + "…"
    return f"{name}\n{short}" if name else short
