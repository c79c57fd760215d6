"""Replies on Redis: a list named by its reader, filled by whoever answers, as kombu does."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from ...domain.errors import BrokerUnavailable
from ...domain.messaging.payload import Payload
from ...ports.replies import Letter, Replies
from .store import RedisStore

#: Seconds a look at the list blocks.
_LOOK: Final = 0.5
#: Documents one look takes.
_PAGE: Final = 500
#: Seconds that replies nobody fetches are kept where the reader says nothing.
_KEPT: Final = 86_400
# What reading arbitrary bytes may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class RedisReplies(Replies):
    """Lists in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self._address = ""
        self._expires = float(_KEPT)

    @property
    def url(self) -> str:
        """Where Redis is."""
        return self.store.url

    def open(self, address: str, expires: float | None) -> None:
        """Remember the list's name: it is there when something is pushed."""
        self._address, self._expires = address, expires or _KEPT

    def send(self, letters: Sequence[Letter]) -> None:
        """Push to the lists."""
        by_key: dict[str, list[bytes]] = {}
        for one in letters:
            by_key.setdefault(self.store.keys.ready(one.address), []).append(_raw_of(one))

        def push(client: Any) -> None:
            steps = client.pipeline(transaction=False)
            for key, raws in by_key.items():
                steps.lpush(key, *raws)
                steps.expire(key, max(1, int(self._expires)))
            steps.execute()

        if by_key:
            self.store.do(push)

    def receive(self, wait: float) -> Sequence[Payload]:
        """Return what came."""
        ends = monotonic() + wait
        while self._address:
            left = ends - monotonic()
            found = self.store.do(lambda client, left=left: self._look(client, left))  # type: ignore[misc]
            if found or left <= 0:
                read = (_payload_in(raw) for raw in found)
                return [payload for payload in read if payload is not None]
        return ()

    def close(self) -> None:
        """Delete the list."""
        address, self._address = self._address, ""
        if address:
            with suppress(BrokerUnavailable):
                self.store.do(lambda client: client.delete(self.store.keys.ready(address)))

    def _look(self, client: Any, left: float) -> Sequence[bytes]:
        key = self.store.keys.ready(self._address)
        first = []
        if left > 0:
            popped = client.brpop([key], timeout=min(left, _LOOK))
            if not popped:
                return ()
            first = [popped[1]]
        return [*first, *(client.rpop(key, _PAGE) or ())]


def _raw_of(letter: Letter) -> bytes:
    document = letter.document
    headers = {"compression": document.compression} if document.compression else {}
    envelope = {
        "body": b64encode(document.data).decode(),
        "content-encoding": document.content_encoding,
        "content-type": document.content_type,
        "headers": headers,
        "properties": {
            "correlation_id": letter.about,
            "delivery_mode": 1,
            "delivery_info": {"exchange": "", "routing_key": letter.address},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return json.dumps(envelope).encode()


def _payload_in(raw: bytes) -> Payload | None:
    try:
        envelope = json.loads(raw)
        text = envelope["body"]
        is_packed = envelope["properties"].get("body_encoding") == "base64"
        return Payload(
            b64decode(text) if is_packed else text.encode(),
            str(envelope.get("content-type") or "application/json"),
            str(envelope.get("content-encoding") or "utf-8"),
            (envelope.get("headers") or {}).get("compression"),
        )
    except _UNREADABLE:
        return None
