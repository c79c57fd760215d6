"""Waiting until a queue may have something, without asking all the time.

Each queue has a bell, a stream of one entry that our publishers ring. A waiter looks into its
queues first and then waits for bells rung since it heard them last, so none in between is lost.
Celery's publishers ring no bell: whoever waits looks again after `LOOK_AGAIN`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from ...domain.errors import CeleriacError
from .keys import Keys
from .store import RedisStore

#: Seconds after which a waiter looks for messages that came without a bell.
LOOK_AGAIN: Final = 0.2
#: Seconds after which a client's own bell is forgotten.
_OWN_BELL: Final = 60
_NEVER: Final = b"0-0"


class Bells:
    """The bells one client listens to, and the one it wakes itself by."""

    def __init__(self, store: RedisStore, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._own = self._keys.bell_of(uuid4().hex)
        self._heard: dict[bytes, bytes] = {}
        self._waiting = 0

    def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Return when a bell was rung since it was heard last, or after so many seconds."""
        names = [self._own, *(self._keys.of_queue(queue, "bell") for queue in queues)]
        keys = [name.encode() for name in names]
        heard = [self._heard.get(key, _NEVER) for key in keys]
        block = max(1, int(min(seconds, LOOK_AGAIN) * 1000))
        self._waiting += 1
        try:
            rung: Any = self._store.do(
                lambda client: client.execute_command(
                    "XREAD", "BLOCK", block, "STREAMS", *keys, *heard
                )
            )
        finally:
            self._waiting -= 1
        for key, entries in rung or ():
            self._heard[key] = entries[-1][0]

    def ring_own(self) -> None:
        """Wake whoever waits in another thread. Without a connection it wakes by itself soon."""
        if self._waiting <= 0:
            return

        def ring(client: Any) -> None:
            with client.pipeline(transaction=False) as steps:
                steps.xadd(self._own, {"": ""}, maxlen=1, approximate=False)
                steps.expire(self._own, _OWN_BELL)
                steps.execute()

        try:
            self._store.do(ring, deadline=LOOK_AGAIN)
        except CeleriacError:
            return
