"""The picture of a work-flow that is not sent yet: its calls, in boxes, and what follows what."""

from collections.abc import Sequence
from itertools import count
from reprlib import Repr
from typing import Any, Final

from .drawing import Arrow, Box, Node, Picture
from .kinds import CHUNKS, MAP, STARMAP, Kind, kind_of
from .laying import listed
from .nesting import check_nesting
from .signature import Signature
from .structure import halves_of, links_of, members_of

#: Longest text in a node, in characters.
_MAX_LABEL: Final = 60


def pictured(sig: Signature, most: int = 20) -> Picture:
    """Draw a work-flow. Of a group with more than `most` members only the first are drawn.

    Raises ValueError for what is no work-flow, or contains itself.
    """
    check_nesting(sig.to_dict())
    drawing = _Drawing(most)
    drawing.draw(sig, drawing.picture.items)
    return drawing.picture


#: The keys of the nodes where something begins, and of those where it ends.
Ends = tuple[list[str], list[str]]


class _Drawing:
    """A picture in the making. What is drawn has ends: where arrows come in, and leave."""

    def __init__(self, most: int) -> None:
        self.picture = Picture()
        self._most = most
        self._numbers = count()
        self._errbacks: dict[str, list[str]] = {}

    def draw(self, sig: Signature, into: list[Node | Box]) -> Ends:
        """Draw something into a box; return where it begins and where it ends."""
        match kind_of(sig):
            case Kind.CHAIN:
                return self._chain(links_of(sig), into)
            case Kind.GROUP:
                return self._group("group", members_of(sig), into)
            case Kind.CHORD:
                _, header, body = halves_of(sig)
                first, last = self._group("chord", header, into)
                begin, end = self.draw(body, into)
                self._join(last, begin)
                return first or begin, end
            case _:
                return self._call(sig, into)

    def _chain(self, links: Sequence[Signature], into: list[Node | Box]) -> Ends:
        first: list[str] = []
        last: list[str] = []
        for link in links:
            begin, end = self.draw(link, into)
            self._join(last, begin)
            first, last = first or begin, end or last
        return first, last

    def _group(self, label: str, members: Sequence[Signature], into: list[Node | Box]) -> Ends:
        items: list[Node | Box] = []
        into.append(Box(self._key("g"), f"{label} of {len(members)}", items))
        first: list[str] = []
        last: list[str] = []
        for member in members[: self._most]:
            begin, end = self.draw(member, items)
            first += begin
            last += end
        if len(members) > self._most:
            more = Node(self._key("n"), f"… {len(members) - self._most} more")
            items.append(more)
            first.append(more.key)
            last.append(more.key)
        return first, last

    def _call(self, sig: Signature, into: list[Node | Box]) -> Ends:
        key = self._key("n")
        into.append(Node(key, _label(sig)))
        for callback in listed(sig.options.get("link")):
            begin, _ = self.draw(Signature.from_dict(callback), into)
            self._join([key], begin, "link")
        for errback in listed(sig.options.get("link_error")):
            self._join([key], self._errback(errback), "link_error")
        rest = [Signature.from_dict(one) for one in reversed(sig.options.get("chain") or ())]
        begin, end = self._chain(rest, into)
        self._join([key], begin)
        return [key], end or [key]

    def _errback(self, errback: Any) -> list[str]:
        """Draw an errback once, however many calls it is linked to."""
        sig = Signature.from_dict(errback)
        same = repr(sig)
        if same not in self._errbacks:
            self._errbacks[same], _ = self.draw(sig, self.picture.items)
        return self._errbacks[same]

    def _join(self, ends: Sequence[str], begins: Sequence[str], label: str = "") -> None:
        self.picture.arrows += [Arrow(end, begin, label) for end in ends for begin in begins]

    def _key(self, letter: str) -> str:
        return f"{letter}{next(self._numbers)}"


def _label(sig: Signature) -> str:
    items = sig.kwargs.get("it")
    if sig.task in (MAP, STARMAP, CHUNKS) and isinstance(items, list | tuple):
        of = sig.kwargs.get("task")
        name = of.get("task") if isinstance(of, dict) else of
        return f"{name}, {len(items)} times"
    short = Repr()
    short.maxstring = short.maxother = 20
    shown = [short.repr(arg) for arg in sig.args]
    shown += [f"{name}={short.repr(value)}" for name, value in sig.kwargs.items()]
    text = f"{sig.task}({', '.join(shown)})"
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"
