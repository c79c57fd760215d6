"""What the worker asks of the algebra, for calls, chains and groups."""

from collections.abc import Iterator, Sequence
from typing import Any

from .signature import Signature
from .workflow import Kind, kind_of, parts_of, with_partial


def applied(sig: Signature, args: Sequence[Any]) -> Signature:
    """Return a signature with arguments in front."""
    return with_partial(sig, args, {})


def never_sent(sig: Signature) -> Iterator[Signature]:
    """Yield the calls of a frozen signature that will not run."""
    if kind_of(sig) is Kind.CALL:
        yield sig
        return
    for part in parts_of(sig):
        yield from never_sent(part)


def result_tuple(sig: Signature, parent: Any = None) -> Any:
    """Return the result of a frozen signature as data."""
    match kind_of(sig):
        case Kind.CHAIN:
            for link in parts_of(sig):
                parent = result_tuple(link, parent)
            return parent
        case Kind.GROUP:
            members = tuple(result_tuple(member, parent) for member in parts_of(sig))
            return (sig.options["task_id"], parent), members
        case _:
            return (sig.options["task_id"], parent), None
