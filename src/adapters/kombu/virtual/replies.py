"""Replies on a transport of kombu: a queue named by its reader, looked at again and again."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from ....domain.errors import BrokerUnavailable, NotSupported
from ....domain.messaging.payload import Payload
from ....ports.replies import Letter as Reply
from ....ports.replies import Replies
from .parcels import Letter, payload_in
from .store import VirtualStore

_PAGE: Final = 500


class VirtualReplies(Replies):
    """Queues in a VirtualStore."""

    def __init__(self, store: VirtualStore) -> None:
        if store.settings.transport == "sqs":
            raise NotSupported(
                "rpc:// needs a queue for each client, which SQS does not delete after it: set "
                "result_backend to a URL such as 'redis://localhost/1'"
            )
        self.store = store
        self._address = ""
        self._closed = threading.Event()

    @property
    def url(self) -> str:
        """Where the messages are."""
        return self.store.settings.url

    def open(self, address: str, expires: float | None) -> None:
        """Remember the queue's name."""
        self._address = address
        self._closed.clear()

    def send(self, letters: Sequence[Reply]) -> None:
        """Put letters."""
        self.store.publishing.put([Letter(one.address, _envelope_of(one)) for one in letters])

    def receive(self, wait: float) -> Sequence[Payload]:
        """Return what came."""
        ends = monotonic() + wait
        carrier = self.store.publishing
        while self._address:
            found = carrier.take(self._address, _PAGE, lease=60.0)
            carrier.done(found)
            left = ends - monotonic()
            if found or left <= 0:
                read = (payload_in(one.envelope) for one in found)
                return [payload for payload in read if payload is not None]
            self._closed.wait(min(left, carrier.poll, 0.1))
        return ()

    def close(self) -> None:
        """Empty the queue."""
        address, self._address = self._address, ""
        self._closed.set()
        if address:
            with suppress(BrokerUnavailable):
                self.store.publishing.purge(address)


def _envelope_of(reply: Reply) -> dict[str, Any]:
    document = reply.document
    return {
        "body": b64encode(document.data).decode(),
        "content-encoding": document.content_encoding,
        "content-type": document.content_type,
        "headers": {"compression": document.compression} if document.compression else {},
        "properties": {
            "correlation_id": reply.about,
            "delivery_mode": 1,
            "delivery_info": {"exchange": "", "routing_key": reply.address},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
