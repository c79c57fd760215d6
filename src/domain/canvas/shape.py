"""The shape of a chord's results: those of a group within the header are a list of their own.

The parts of a chord are counted one by one, in the order of their index; only where a header
ends in groups is there more to say than that.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .kinds import Kind, body_of, kind_of
from .laying import finals
from .signature import Signature
from .structure import links_of, members_of

#: None: one value. A list: a list of such shapes.
Shape = Sequence[Any] | None


def shape_of(sig: Signature) -> Shape:
    """Return the shape of what a signature results in."""
    match kind_of(sig):
        case Kind.CHAIN:
            ends = [link for link in links_of(sig) if finals(link)]
            return shape_of(ends[-1]) if ends else []
        case Kind.GROUP:
            return [shape_of(member) for member in members_of(sig)]
        case Kind.CHORD:
            return shape_of(body_of(sig))
        case _:
            return None


def shape_of_header(members: Iterable[Signature]) -> Shape:
    """Return the shape of a header's results; None: one value for each part."""
    shape = [shape_of(member) for member in members]
    return None if all(one is None for one in shape) else shape


def in_shape(values: Iterable[Any], shape: Shape) -> list[Any]:
    """Return values, in the order of their parts, in the shape of their header."""
    if shape is None:
        return list(values)
    left = iter(values)
    return [_taken(left, one) for one in shape]


def _taken(left: Iterator[Any], shape: Shape) -> Any:
    return next(left) if shape is None else [_taken(left, one) for one in shape]
