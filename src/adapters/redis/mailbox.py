"""Mailboxes for replies, in kombu's layout: a list bound to a direct exchange.

What must stay true: a mailbox that was closed leaves nothing; what a killed process leaves is swept
away, or expires; a table of bindings that others use is never deleted under their feet.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from ...domain.cluster.speech import BusMessage, ReplyAddress
from ...domain.errors import BrokerUnavailable
from ...ports.bus import Bodies, Mailbox
from . import routes
from .bus_envelope import raw_of, said_in
from .store import RedisStore, Script

#: Seconds a look at the list blocks: a mailbox that is closed is noticed after that.
_LOOK: Final = 0.5
#: Messages that one look takes, and tables that one sweep deletes.
_PAGE: Final = 100
#: Seconds that a binding counts for, as kombu's for queues that expire soon.
_BOUND: Final = 3_600
#: Seconds that replies nobody collects are kept.
_KEPT: Final = 300

# Bindings of queues that expire have no permanent entry; instead their exchange has a deadline,
# and whoever binds deletes the tables whose deadline is over, as kombu 5.7 does.
_BIND: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', now + ARGV[3] * 1000, ARGV[2])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[6])) do
  if redis.call('EXISTS', ARGV[5] .. name) == 0 then redis.call('DEL', ARGV[4] .. name) end
  redis.call('ZREM', KEYS[2], name)
end
""")


class RedisMailbox(Mailbox):
    """One list of its own; made by RedisBus."""

    def __init__(self, store: RedisStore, exchange: str, bodies: Bodies | None) -> None:
        self._store, self._bodies = store, bodies
        self._keys = store.keys
        self._address = ReplyAddress(exchange, str(uuid4()))
        self._queue = f"{self._address.routing_key}.{exchange}"
        self._binding = self._keys.layout.separator.join(
            (self._address.routing_key, "", self._queue)
        )
        self.closed = False
        self._bind()

    @property
    def address(self) -> ReplyAddress:
        """Where replies are to go."""
        return self._address

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return the replies that came, waiting for the first."""
        ends = monotonic() + wait
        while not self.closed:
            if monotonic() > self._bound_again:
                self._bind()
            left = ends - monotonic()
            found = self._store.do(lambda client, left=left: self._look(client, left))  # type: ignore[misc]
            if found or left <= 0:
                messages = (said_in(raw, self._bodies) for raw in found)
                return [message for message in messages if message is not None]
        return ()

    def close(self) -> None:
        """Delete the list and its binding."""
        if self.closed:
            return
        self.closed = True
        bindings = self._keys.bindings(self._address.exchange)

        def delete(client: Any) -> None:
            steps = client.pipeline(transaction=False)
            steps.srem(bindings, self._binding)
            steps.delete(self._keys.ready(self._queue))
            steps.execute()

        # What cannot be deleted now expires, or is swept away.
        with suppress(BrokerUnavailable):
            self._store.do(delete)

    def _bind(self) -> None:
        exchange, keys = self._address.exchange, self._keys
        self._bound_again = monotonic() + _BOUND / 3
        self._store.run(
            _BIND,
            (
                self._binding,
                exchange,
                _BOUND,
                keys.bindings(""),
                keys.permanent_bindings(""),
                _PAGE,
            ),
            keys=(keys.bindings(exchange), keys.binding_deadlines),
        )

    def _look(self, client: Any, left: float) -> Sequence[bytes]:
        key = self._keys.ready(self._queue)
        if left > 0:
            popped = client.brpop([key], timeout=min(left, _LOOK))
            first = [popped[1]] if popped else []
            if not first:
                return ()
        else:
            first = []
        return [*first, *(client.rpop(key, _PAGE) or ())]


def deliver(
    store: RedisStore, to: ReplyAddress, messages: Sequence[BusMessage], bodies: Bodies | None
) -> None:
    """Push messages to the lists that are bound to an address; to none if there are none."""
    said = [
        raw_of(replace(message, channel=to.exchange, key=to.routing_key), bodies)
        for message in messages
    ]
    if not said:
        return
    keys = store.keys
    exchanges = {to.exchange} - {""}
    bindings = store.do(lambda client: routes.bindings_of_exchanges(client, keys, exchanges))
    queues = routes.queues_of(to.exchange, to.routing_key, bindings)

    def push(client: Any) -> None:
        steps = client.pipeline(transaction=False)
        for queue in queues:
            steps.lpush(keys.ready(queue), *said)
            steps.expire(keys.ready(queue), _KEPT)
        steps.execute()

    if queues:
        store.do(push)
