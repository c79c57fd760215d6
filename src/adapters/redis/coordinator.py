"""The coordinator on Redis: each agreement is one script, which is one step for all who agree.

What must stay true: times are unix seconds by one clock, the server's unless the store says
otherwise, and ends are compared with it rather than left to Redis; a fence never comes twice under
a name, so a name that was long forgotten begins at the milliseconds since 1970, which no count of
holders catches up with. What is over for a day Redis deletes by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Final

from ...ports.coordinator import Coordinator, Grant
from .store import RedisStore, Script

#: ARGV[1] is the time, or empty; a day of grace (ms) is more than clocks differ.
_TIME: Final = """
local now = tonumber(ARGV[1])
if not now then
  local said = redis.call('TIME')
  now = tonumber(said[1]) + tonumber(said[2]) / 1000000
end
local function keep(key, seconds)
  local wanted = math.min(math.ceil(seconds * 1000), 1e12) + 86400000
  if redis.call('PTTL', key) < wanted then redis.call('PEXPIRE', key, wanted) end
end
"""

_ACQUIRE: Final = Script(
    _TIME
    + """
local holder, ttl = ARGV[2], tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'holder', 'fence', 'ends')
local fence = tonumber(kept[2])
if not fence or tonumber(kept[3]) <= now then
  fence = fence and fence + 1 or math.floor(now * 1000)
elseif kept[1] ~= holder then
  return false
end
redis.call('HSET', KEYS[1], 'holder', holder, 'fence', fence, 'ends', now + ttl)
keep(KEYS[1], ttl)
return fence
"""
)

_RELEASE: Final = Script(
    _TIME
    + """
local kept = redis.call('HMGET', KEYS[1], 'holder', 'fence', 'ends')
if kept[1] ~= ARGV[2] or tonumber(kept[2]) ~= tonumber(ARGV[3]) or tonumber(kept[3]) <= now then
  return 0
end
redis.call('HSET', KEYS[1], 'ends', 0)
return 1
"""
)

_HOLDER: Final = Script(
    _TIME
    + """
local kept = redis.call('HMGET', KEYS[1], 'holder', 'fence', 'ends')
if not kept[1] or tonumber(kept[3]) <= now then return false end
return {kept[1], kept[2]}
"""
)

_TAKE_SLOTS: Final = Script(
    _TIME
    + """
local holder, ttl = ARGV[2], tonumber(ARGV[3])
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if not redis.call('ZSCORE', key, holder)
    and redis.call('ZCARD', key) >= tonumber(ARGV[3 + number]) then
    return 0
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ttl, holder)
  keep(key, ttl)
end
return 1
"""
)

_FREE_SLOTS: Final = Script(
    "for _, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[1]) end return 1"
)

#: Returns the seconds to wait as text; -1 is for ever. Lost to rounding are 1e-6 tokens and, of
#: the clock and of what we say, 2e-6 seconds. A time further ahead than a minute was written by a
#: clock that was wrong.
_TAKE_TOKENS: Final = Script(
    _TIME
    + """
local count, rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
if at <= now + 60 then now = math.max(now, at) end
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local missing = count - tokens
if missing > 0.000001 + rate * 0.000002 then
  if rate <= 0 or count > burst then return '-1' end
  return string.format('%.6f', math.ceil(missing / rate * 1000000) / 1000000)
end
redis.call('HSET', KEYS[1], 'tokens', math.max(0, tokens - count), 'at', now)
keep(KEYS[1], rate > 0 and burst / rate or 0)
if rate <= 0 then redis.call('PERSIST', KEYS[1]) end
return '0'
"""
)


class RedisCoordinator(Coordinator):
    """Agrees in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store

    def close(self) -> None:
        """Do nothing: connections are the store's."""

    def acquire(self, name: str, holder: str, ttl: float) -> Grant | None:
        """Take or prolong a lease."""
        fence = self._run(_ACQUIRE, [self._key("lease", name)], holder, ttl)
        return None if fence is None else Grant(name, holder, int(fence))

    def release(self, grant: Grant) -> bool:
        """Give a lease back."""
        key = self._key("lease", grant.name)
        return bool(self._run(_RELEASE, [key], grant.holder, grant.fence))

    def holder(self, name: str) -> Grant | None:
        """Return who holds a name."""
        held = self._run(_HOLDER, [self._key("lease", name)])
        return None if held is None else Grant(name, held[0].decode(), int(held[1]))

    def take_slots(self, names: Sequence[tuple[str, int]], holder: str, ttl: float) -> bool:
        """Take a slot of each name, or none."""
        if not names:
            return True
        keys = [self._key("slots", name) for name, _ in names]
        return bool(self._run(_TAKE_SLOTS, keys, holder, ttl, *(limit for _, limit in names)))

    def free_slots(self, names: Sequence[str], holder: str) -> None:
        """Give slots back."""
        if names:
            keys = [self._key("slots", name) for name in names]
            self.store.run(_FREE_SLOTS, [holder], keys=keys)

    def take_tokens(self, bucket: str, count: int, rate: float, burst: int) -> float:
        """Take tokens; infinity when the bucket could never hold so many."""
        wait = float(self._run(_TAKE_TOKENS, [self._key("tokens", bucket)], count, rate, burst))
        return inf if wait < 0 else wait

    def _key(self, kind: str, name: str) -> str:
        # Slots are taken together, and a script sees one slot of a Cluster only.
        tag = "{slots}" if kind == "slots" and self.store.clustered else kind
        return f"{self.store.prefix}celeriac.{tag}.{name}"

    def _run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        # Finer than the store's milliseconds, which a bucket would notice.
        moment = "" if self.store.server_time else repr(self.store.clock.now().timestamp())
        return self.store.run(script, [moment, *arguments], keys=keys)
