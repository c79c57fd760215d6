"""Envelopes of messages that differ in little: written once, then filled.

A thousand calls of one task differ in their ids, their arguments and their place in a group. To
write all the rest as JSON each time would be the largest part of what publishing them costs.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import replace
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter
from typing import Any, Final

from ...domain.messaging.message import TaskMessage

#: Writes a message under a delivery tag.
Write = Callable[[TaskMessage, str], bytes]

#: Headers that differ from call to call: texts, and the one number.
_TEXTS: Final = frozenset(("argsrepr", "kwargsrepr"))
_INDEX: Final = "group_index"
_VARYING: Final = _TEXTS | {_INDEX}

#: What stands for a varying part while a mould is made; no name or text holds such characters.
_ID, _ARGS, _KWARGS, _TAG = ("\ue0f0\ue0f1" + mark for mark in "iakt")
_PLACE: Final = 7_046_029_254_386_353_087
_BODY: Final = b"\xee\x83\xb0"
_HOLES: Final = re.compile(
    "|".join(
        [
            re.escape(b64encode(_BODY).decode()),
            *(re.escape(quoted(mark)) for mark in (_ID, _ARGS, _KWARGS)),
            re.escape(quoted(_TAG)[1:-1]),
            str(_PLACE),
        ]
    )
)
_NAMES: Final = {
    b64encode(_BODY).decode(): "body",
    quoted(_ID): "id",
    quoted(_ARGS): "argsrepr",
    quoted(_KWARGS): "kwargsrepr",
    quoted(_TAG)[1:-1]: "tag",
    str(_PLACE): "group_index",
}
#: In the order in which a mould is given them.
_PARTS: Final = ("body", "id", "argsrepr", "kwargsrepr", "tag", "group_index")
_NO_KWARGS: Final = b'"{}"'

#: How many moulds are kept; those of groups are of no use when their group is sent.
_KEPT: Final = 64


class Moulds:
    """Knows the moulds of what was published lately."""

    def __init__(self, write: Write) -> None:
        """Write with `write` what no mould fits."""
        self._write = write
        self._moulds: dict[Any, Callable[[TaskMessage, str], bytes]] = {}
        self._before: Any = None

    def written(self, message: TaskMessage, tag: str) -> bytes:
        """Write a message, by a mould from the second of its kind on."""
        try:
            kind = message.likeness or _kind_of(message)
            mould = self._moulds.get(kind)
        except TypeError:  # something in it is no plain value
            return self._write(message, tag)
        if mould is not None:
            return mould(message, tag)
        if kind is None or kind != self._before:
            self._before = kind
            return self._write(message, tag)
        if len(self._moulds) >= _KEPT:
            self._moulds = {}
        mould = self._moulds[kind] = self._made(message)
        return mould(message, tag)

    def _made(self, message: TaskMessage) -> Callable[[TaskMessage, str], bytes]:
        headers = dict(message.headers)
        headers.update({"argsrepr": _ARGS, "kwargsrepr": _KWARGS})
        if _INDEX in headers:
            headers[_INDEX] = _PLACE
        # Of those that are known to be alike all have the same, be it by chance the id of one.
        if message.likeness is None and headers.get("root_id") == message.id:
            headers["root_id"] = _ID
        sample = replace(message, id=_ID, body=_BODY, headers=headers)
        return _filler(self._write(sample, _TAG).decode())


def _filler(text: str) -> Callable[[TaskMessage, str], bytes]:
    """Return what puts a message's own parts between those that all of its kind have."""
    pick = itemgetter(*[_PARTS.index(_NAMES[found]) for found in _HOLES.findall(text)])
    # What all have stands at even places, and between these what each has.
    form = [b""] * (2 * len(_HOLES.findall(text)) + 1)
    form[::2] = [part.encode() for part in _HOLES.split(text)]

    def fill(message: TaskMessage, tag: str) -> bytes:
        headers = message.headers
        args, kwargs = headers["argsrepr"], headers["kwargsrepr"]
        parts = form.copy()
        parts[1::2] = pick(
            (
                b2a_base64(message.body, newline=False),
                quoted(message.id).encode(),
                quoted(args).encode(),
                _NO_KWARGS if kwargs == "{}" else quoted(kwargs).encode(),
                tag.encode(),
                b"%d" % headers.get(_INDEX, 0),
            )
        )
        return b"".join(parts)

    return fill


def _kind_of(message: TaskMessage) -> Any:
    """Return all that messages of one mould have in common; None: it wants none."""
    headers = message.headers
    if message.eta is not None or message.expires is not None or "argsrepr" not in headers:
        return None
    if type(headers.get(_INDEX, 0)) is not int or not headers.keys() >= _TEXTS:
        return None
    root = headers.get("root_id")
    kind = (
        message.task,
        message.content_type,
        message.content_encoding,
        message.exchange,
        message.routing_key,
        message.priority,
        # Equal is not the same: 1 and True are written differently.
        tuple(
            [
                (name, value, type(value))
                for name, value in headers.items()
                if name not in _VARYING and name != "root_id"
            ]
        ),
        tuple([(name, value, type(value)) for name, value in message.properties.items()]),
        "own" if root == message.id else root,
        _INDEX in headers,
    )
    hash(kind)
    return kind
