"""Messages that Celery's workers took and neither acknowledged nor gave back.

kombu keeps these in a hash and an index by the time of delivery; whoever serves the queues puts
them back when the visibility timeout has passed. What must stay true: only one of all who try,
Celery's processes among them, puts a message back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from .keys import Keys
from .layout import step_of
from .routes import bindings_of_exchanges, queues_of
from .store import RedisStore, Script

#: Seconds after which a message counts as left, unless `visibility_timeout` says otherwise.
VISIBILITY_TIMEOUT: Final = 3600.0
#: Messages put back in one call.
_AT_ONCE: Final = 100

#: Keys: the hash and the index. Arguments: the delivery tag, then list and bytes for each queue.
_PUT_BACK: Final = Script(
    """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
for i = 2, #ARGV, 2 do redis.call('RPUSH', ARGV[i], ARGV[i + 1]) end
return 1
"""
)
# What reading an arbitrary entry may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


def put_back(store: RedisStore, keys: Keys) -> int:
    """Put back what was left, to be served next; return how many messages that were.

    An entry that cannot be read, or leads to no queue, is left where it is, as kombu does.
    """
    options: Mapping[str, Any] = store.options
    unacked = keys.prefix + str(options.get("unacked_key") or "unacked")
    index = keys.prefix + str(options.get("unacked_index_key") or "unacked_index")
    until = store.now() - float(options.get("visibility_timeout") or VISIBILITY_TIMEOUT)
    tags: list[bytes] = store.do(
        lambda client: client.zrangebyscore(index, 0, until, start=0, num=_AT_ONCE)
    )
    if not tags:
        return 0
    entries: list[bytes | None] = store.do(lambda client: client.hmget(unacked, tags))
    if gone := [tag for tag, entry in zip(tags, entries, strict=True) if entry is None]:
        store.do(lambda client: client.zrem(index, *gone))
    count = 0
    # The oldest last: what is pushed last is served first.
    for tag, entry in reversed(list(zip(tags, entries, strict=True))):
        places = _places(store, keys, entry)
        if places:
            count += store.run(_PUT_BACK, [tag, *places], keys=[unacked, index])
    return count


def _places(store: RedisStore, keys: Keys, entry: bytes | None) -> list[str | bytes]:
    """Return list and bytes for each queue an entry goes back to."""
    try:
        envelope, exchange, routing_key = json.loads(entry or b"")
        envelope["headers"]["redelivered"] = True
        properties = envelope["properties"]
        properties["delivery_info"]["redelivered"] = True
        step = step_of(int(properties.get("priority") or 0), keys.layout.priorities)
        raw = json.dumps(envelope).encode()
        exchange, routing_key = str(exchange or ""), str(routing_key)
    except _UNREADABLE:
        return []
    bindings = store.do(lambda client: bindings_of_exchanges(client, keys, {exchange} - {""}))
    queues = filter(None, queues_of(exchange, routing_key, bindings))
    return [part for queue in queues for part in (keys.ready(queue, step), raw)]
