"""Calls that are alike, composed once: what follows differs in id, arguments, place in a group.

What must stay true: a form yields the very message that `compose` would make of the call.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from ..tasks.options import merged
from .compose import Sender, embed_of
from .message import Likeness, TaskMessage
from .queues import Queue
from .short_repr import short_repr

#: Options that may differ between calls that are alike.
_VARYING: Final = frozenset(("task_id", "group_index"))
#: Options that say of a call what a form takes from its arguments, or depend on the time.
_OWN: Final = frozenset(("argsrepr", "kwargsrepr", "countdown", "eta", "expires"))
_PLAIN: Final = frozenset((str, int, float, bool, type(None)))

_NOTHING: Final = object()


class Form:
    """What one message has in common with those of calls that are alike."""

    __slots__ = (
        "_alike",
        "_encode",
        "_options",
        "_queue",
        "_routed",
        "_sample",
        "_sender",
        "lasting",
    )

    def __init__(
        self,
        sample: TaskMessage,
        options: Mapping[str, Any],
        routed: Mapping[str, Any],
        sender: Sender,
    ) -> None:
        self._sample, self._routed, self._sender = sample, routed, sender
        self._options = {name: options[name] for name in options if name not in _VARYING}
        self._queue: Queue | None = sender.router.queues.get(sample.queue)
        self._alike = Likeness()
        self._encode: Callable[[Sequence[Any], Mapping[str, Any]], bytes] | None = None
        #: Whether it holds for later batches too: nothing in its options can be changed.
        self.lasting = "chord" not in options
        sample.note_likeness(self._alike)

    @classmethod
    def of(cls, sample: TaskMessage, options: Mapping[str, Any], sender: Sender) -> Self | None:
        """Return the form of a message that `compose` made; None: none but itself is like it."""
        if sample.eta is not None or sample.expires is not None or not sample.queue:
            return None
        if not sender.router.by_name:
            return None
        extra = sender.router.route(sample.task, (), {}, options).extra
        routed = merged(extra, options) if extra else options
        if not _OWN.isdisjoint(routed):
            return None
        for name, value in options.items():
            if type(value) not in _PLAIN and name != "chord":
                return None
        return cls(sample, options, routed, sender)

    def fits(self, options: Mapping[str, Any]) -> bool:
        """Tell whether a call of the task with these options is alike."""
        same = self._options
        further = len(options) - len(same)
        if further and further != ("task_id" in options) + ("group_index" in options):
            return False
        for name, value in same.items():
            # The same, not only equal: 1 and True are written differently.
            if options.get(name, _NOTHING) is not value:
                return False
        placed = type(options.get("group_index")) is int
        if placed is not ("group_index" in self._sample.headers):
            return False
        sample = self._sample
        return self._sender.router.queues.get(sample.queue) is self._queue

    def message(
        self, id_: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> TaskMessage:
        """Return the message of a call that is alike. Raises EncodeError."""
        encode, sample, levels = self._encode, self._sample, self._sender.repr_maxlevels
        if encode is None:
            encode = self._encode = self._encoder()
        headers = {
            **sample.headers,
            "argsrepr": short_repr(tuple(args), levels),
            "kwargsrepr": short_repr(dict(kwargs), levels) if kwargs else "{}",
        }
        if "group_index" in headers:
            headers["group_index"] = options["group_index"]
        made = TaskMessage(
            id_,
            sample.task,
            encode(args, kwargs),
            sample.content_type,
            sample.content_encoding,
            sample.queue,
            sample.exchange,
            sample.routing_key,
            sample.priority,
            None,
            None,
            headers,
            sample.properties,
        )
        made.note_likeness(self._alike)
        return made

    def _encoder(self) -> Callable[[Sequence[Any], Mapping[str, Any]], bytes]:
        options, sender = self._routed, self._sender
        return sender.codec.calls(
            embed_of(options),
            options.get("serializer") or sender.serializer,
            options.get("compression") or sender.compression,
        )
