"""Stamp work-flows: a visitor is shown every signature of one, and says what to mark it with."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...domain.canvas.laying import listed
from ...domain.canvas.stamping import stamps_for
from .canvas import Signature, maybe_signature
from .groups import group

if TYPE_CHECKING:
    from .chains import chain
    from .chords import chord

Stamps = Mapping[str, Any] | None


class StampingVisitor(ABC):
    """Says what stamps the signatures of a work-flow get.

    Each method is told the stamps handed down so far, and returns further ones: all of what it
    returns are stamps, unless it names those that are under `stamped_headers`.
    """

    @abstractmethod
    def on_signature(self, sig: Signature, **headers: Any) -> Stamps:
        """Return the stamps of a call."""

    def on_group_start(self, group: "group", **headers: Any) -> Stamps:
        """Return the stamps that all members of a group get."""
        return {}

    def on_group_end(self, group: "group", **headers: Any) -> None:  # noqa: B027 - may do nothing
        """Called when the members of a group are stamped."""

    def on_chain_start(self, chain: "chain", **headers: Any) -> Stamps:
        """Return the stamps that all links of a chain get."""
        return {}

    def on_chain_end(self, chain: "chain", **headers: Any) -> None:  # noqa: B027 - may do nothing
        """Called when the links of a chain are stamped."""

    def on_chord_header_start(self, sig: "chord", **header: Any) -> Stamps:
        """Return the stamps that the tasks of a header, and the body, get: those of a group."""
        if not isinstance(sig.tasks, group):
            sig.tasks = group(sig.tasks, app=sig._app)
        return self.on_group_start(sig.tasks, **header)

    def on_chord_header_end(self, sig: "chord", **header: Any) -> None:
        """Called when the tasks of a header are stamped."""
        self.on_group_end(sig.tasks, **header)

    def on_chord_body(self, sig: "chord", **header: Any) -> Stamps:
        """Return the stamps of a chord's body."""
        return {}

    def on_callback(self, callback: Signature, **header: Any) -> Stamps:
        """Return the stamps of a callback."""
        return {}

    def on_errback(self, errback: Signature, **header: Any) -> Stamps:
        """Return the stamps of an errback."""
        return {}


class GroupStampingVisitor(StampingVisitor):
    """Stamps each call with the ids of the groups it is in, as `groups`."""

    def __init__(self, groups: list[str] | None = None) -> None:
        """Begin within these groups."""
        self.groups: list[str] = list(groups or ())

    def on_signature(self, sig: Signature, **headers: Any) -> Stamps:
        """Return the groups around it."""
        return {"groups": list(self.groups), "stamped_headers": ["groups"]}

    def on_group_start(self, group: "group", **headers: Any) -> Stamps:
        """Give the group an id if it has none yet."""
        if group.id is None:
            group.set(task_id=group.app.new_id())
        self.groups.append(str(group.id))
        return {}

    def on_group_end(self, group: "group", **headers: Any) -> None:
        """Leave the group."""
        self.groups.pop()


def stamp_call(sig: Signature, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp a call and what is linked to it."""
    stamp_links(sig, visitor, append, headers)
    given = None if visitor is None else visitor.on_signature(sig, **headers) or {}
    sig.options.update(stamps_for(headers, given, sig.options, append=append))


def stamp_links(sig: Signature, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp the callbacks and errbacks of a signature."""
    for option, ask in (("link", "on_callback"), ("link_error", "on_errback")):
        found = listed(sig.options.get(option))
        if not found:
            continue
        handed = dict(headers)
        stamped = []
        for one in found:
            link = maybe_signature(one, app=sig._app)
            given = None if visitor is None else getattr(visitor, ask)(link, **handed) or {}
            handed = stamps_for(handed, given, None, append=append)
            link.stamp(visitor, append, **handed)
            stamped.append(link)
        sig.options[option] = stamped


def stamp_chain(sig: "chain", visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp the links of a chain."""
    given = None if visitor is None else visitor.on_chain_start(sig, **headers) or {}
    handed = stamps_for(headers, given, sig.options, append=append)
    stamp_links(sig, visitor, False, handed)
    for task in sig.tasks:
        task.stamp(visitor, append, **handed)
    if visitor is not None:
        visitor.on_chain_end(sig, **handed)


def stamp_group(sig: "group", visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp the members of a group."""
    given = None if visitor is None else visitor.on_group_start(sig, **headers) or {}
    handed = stamps_for(headers, given, sig.options, append=append)
    stamp_links(sig, visitor, append, handed)
    for task in sig.tasks:
        task.stamp(visitor, append, **handed)
    if visitor is not None:
        visitor.on_group_end(sig, **handed)


def stamp_chord(sig: "chord", visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp the header of a chord, and with a visitor its body, as Celery does."""
    members = getattr(sig.tasks, "tasks", sig.tasks)
    given = None if visitor is None else visitor.on_chord_header_start(sig, **headers) or {}
    handed = stamps_for(headers, given, sig.options, append=append)
    stamp_links(sig, visitor, append, handed)
    for task in members:
        task.stamp(visitor, append, **handed)
    if visitor is None:
        return
    visitor.on_chord_header_end(sig, **handed)
    if sig.body is not None:
        given = visitor.on_chord_body(sig, **handed) or {}
        sig.body.stamp(visitor, append, **stamps_for(handed, given, sig.options, append=append))
