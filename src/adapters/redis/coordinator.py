"""The coordinator on Redis: each agreement is one script, which is one step for all who agree.

What must stay true: times are unix seconds by one clock, the server's unless the store says
otherwise, and ends are compared with it rather than left to Redis; a fence never comes twice under
a name, so a name that was long forgotten begins at the milliseconds since 1970, which no count of
holders catches up with. What is over for a day Redis deletes by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from ...domain.work.admission import Ask
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


#: KEYS are those of slots, then of buckets; ARGV[3] tells which ask wants which, as JSON. Answers
#: as _TAKE_TOKENS does: what a refused one is told counts those before it.
_ADMIT: Final = Script(
    _TIME
    + """
local ttl, asked = tonumber(ARGV[2]), cjson.decode(ARGV[3])
local left, at, answers = {}, {}, {}
local moment = now
for _, one in ipairs(asked.buckets) do
  local key, rate, burst = KEYS[one[1]], one[2], one[3]
  local kept = redis.call('HMGET', key, 'tokens', 'at')
  local tokens, since = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
  at[one[1]] = since <= now + 60 and math.max(now, since) or now
  left[one[1]] = math.min(burst, tokens + math.max(0, at[one[1]] - since) * rate)
end
local fresh, spent = {}, {}
for number, ask in ipairs(asked.asks) do
  local answer = 0
  for _, slot in ipairs(ask[2]) do
    local key = KEYS[slot[1]]
    if not fresh[key] then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', moment)
      fresh[key] = true
    end
    if not redis.call('ZSCORE', key, ask[1]) and redis.call('ZCARD', key) >= slot[2] then
      answer = -1
    end
  end
  local bucket = asked.buckets[ask[3]]
  if answer == 0 and bucket then
    local there = left[bucket[1]]
    left[bucket[1]] = there - 1
    if there < 1 - 0.000001 - bucket[2] * 0.000002 then
      answer = math.ceil((1 - there) / bucket[2] * 1000000) / 1000000
    else
      spent[bucket[1]] = (spent[bucket[1]] or 0) + 1
    end
  end
  if answer == 0 then
    for _, slot in ipairs(ask[2]) do
      redis.call('ZADD', KEYS[slot[1]], moment + ttl, ask[1])
      keep(KEYS[slot[1]], ttl)
    end
  end
  answers[number] = string.format('%.6f', answer)
end
for _, one in ipairs(asked.buckets) do
  local key, count = KEYS[one[1]], spent[one[1]]
  if count then
    local kept = redis.call('HMGET', key, 'tokens', 'at')
    local tokens, since = tonumber(kept[1]) or one[3], tonumber(kept[2]) or now
    tokens = math.min(one[3], tokens + math.max(0, at[one[1]] - since) * one[2])
    redis.call('HSET', key, 'tokens', math.max(0, tokens - count), 'at', at[one[1]])
    keep(key, one[3] / one[2])
  end
end
return answers
"""
)

#: ARGV[3] on are the holders, one for each of KEYS.
_PROLONG: Final = Script(
    _TIME
    + """
local ttl = tonumber(ARGV[2])
for number, key in ipairs(KEYS) do
  local ends = redis.call('ZSCORE', key, ARGV[2 + number])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', key, now + ttl, ARGV[2 + number])
    keep(key, ttl)
  end
end
return 1
"""
)

_GIVE_BACK: Final = Script(
    "for number, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[number]) end return 1"
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

    def admit(self, asks: Sequence[Ask], ttl: float) -> Sequence[float]:
        """Give slots and tokens to those who may begin."""
        if not asks:
            return []
        keys, said = self._asked(asks)
        waits = [float(wait) for wait in self._run(_ADMIT, keys, ttl, said)]
        return [inf if wait < 0 else wait for wait in waits]

    def _asked(self, asks: Sequence[Ask]) -> tuple[Sequence[str], str]:
        numbers: dict[str, int] = {}
        buckets: dict[str, tuple[int, list[float]]] = {}
        for ask in asks:
            for name, _ in ask.slots:
                numbers.setdefault(self._key("slots", name), len(numbers) + 1)
        for ask in asks:
            if (budget := ask.budget) and budget.bucket not in buckets:
                key = self._key("slots", f"budget:{budget.bucket}")
                number = numbers.setdefault(key, len(numbers) + 1)
                row = [number, budget.rate, budget.burst]
                buckets[budget.bucket] = (len(buckets) + 1, row)
        rows = [
            [
                ask.holder,
                [[numbers[self._key("slots", name)], limit] for name, limit in ask.slots],
                buckets[ask.budget.bucket][0] if ask.budget else 0,
            ]
            for ask in asks
        ]
        said = json.dumps({"asks": rows, "buckets": [row for _, row in buckets.values()]})
        return list(numbers), said

    def prolong(self, held: Sequence[tuple[str, str]], ttl: float) -> None:
        """Prolong slots that are still held."""
        if held:
            keys = [self._key("slots", name) for name, _ in held]
            self._run(_PROLONG, keys, ttl, *(holder for _, holder in held))

    def give_back(self, held: Sequence[tuple[str, str]]) -> None:
        """Give slots back."""
        if held:
            keys = [self._key("slots", name) for name, _ in held]
            self.store.run(_GIVE_BACK, [holder for _, holder in held], keys=keys)

    def release_all(self, grants: Sequence[Grant]) -> None:
        """Give leases back."""
        if grants:
            calls = [
                (
                    [self._key("lease", grant.name)],
                    [self._moment(), grant.holder, grant.fence],
                )
                for grant in grants
            ]
            if self.store.clustered:  # they live on different servers
                for keys, arguments in calls:
                    self.store.run(_RELEASE, arguments, keys=keys)
            else:
                self.store.run_each(_RELEASE, calls)

    def _key(self, kind: str, name: str) -> str:
        # Slots are taken together, and a script sees one slot of a Cluster only.
        tag = "{slots}" if kind == "slots" and self.store.clustered else kind
        return f"{self.store.prefix}celeriac.{tag}.{name}"

    def _run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        return self.store.run(script, [self._moment(), *arguments], keys=keys)

    def _moment(self) -> str:
        # Finer than the store's milliseconds, which a bucket would notice.
        return "" if self.store.server_time else repr(self.store.clock.now().timestamp())
