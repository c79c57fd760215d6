"""Stamps: names and values that a message carries, by which tasks can be revoked."""

from collections.abc import Callable, Iterable, Mapping

from ..messaging.message import TaskMessage

#: Names of stamps, and the values of each that are meant.
Stamps = Mapping[str, Iterable[object]]


def meant_by(stamps: Stamps) -> Callable[[TaskMessage], bool]:
    """Return what tells whether a message carries one of these stamps."""
    wanted = {name: list(values) for name, values in stamps.items()}

    def is_meant(message: TaskMessage) -> bool:
        carried = message.headers.get("stamps") or {}
        return any(
            value in values
            for name, values in wanted.items()
            for value in as_values(carried.get(name))
        )

    return is_meant


def as_values(stamp: object) -> list[object]:
    """Return the values of a stamp, which may be one or a list."""
    if stamp is None:
        return []
    return list(stamp) if isinstance(stamp, list | tuple | set | frozenset) else [stamp]
