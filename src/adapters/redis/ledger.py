"""The started ledger on Redis: a hash of entries an owner, and an index by task id.

All keys share one hash slot. What must stay true: an entry is in the hash of exactly one owner; a
number of an owner never comes twice, whatever the server forgot, since entries are named by it. Of
a task id with several entries the index knows the last that was noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...domain.errors import BackendUnavailable
from ...ports.ledger import Found, Started, StartedLedger
from .store import RedisStore, Script

#: KEYS[1] is the hash of owners, ARGV[1] the time or empty. An entry is packed as
#: queue, crashes and task id, each ended by a zero, then the message. Seconds.
_COMMON: Final = """
local now = tonumber(ARGV[1])
if not now then
  local said = redis.call('TIME')
  now = tonumber(said[1]) + tonumber(said[2]) / 1000000
end
local base = string.sub(KEYS[1], 1, -7)
local function entries(owner) return base .. 'entries.' .. owner end
local ids = base .. 'ids'
local function about(owner)
  local kept = redis.call('HGET', KEYS[1], owner)
  if not kept then return nil end
  local ends, lease, node = string.match(kept, '^([^ ]+) ([^ ]+) (.*)$')
  return {ends = tonumber(ends), lease = tonumber(lease), node = node}
end
local function alive(owner)
  local one = about(owner)
  return one and one.ends > now
end
local function keep(owner, lease, node)
  local ends = string.format('%.6f', now + lease)
  redis.call('HSET', KEYS[1], owner, ends .. ' ' .. lease .. ' ' .. node)
end
local function unpacked(packed)
  local queue, crashes, task, message = string.match(packed, '^(%Z*)%z(%Z*)%z(%Z*)%z(.*)$')
  return queue, task, message ~= ''
end
local function note(owner, key, packed)
  redis.call('HSET', entries(owner), key, packed)
  local _, task = unpacked(packed)
  if task ~= '' then redis.call('HSET', ids, task, owner .. ' ' .. key) end
end
local function move(key, packed, from, to)
  redis.call('HDEL', entries(from), key)
  redis.call('HSET', entries(to), key, packed)
  local _, task = unpacked(packed)
  if task ~= '' and (redis.call('HGET', ids, task) or '') == from .. ' ' .. key then
    redis.call('HSET', ids, task, to .. ' ' .. key)
  end
end
local function strike(owner, key)
  local packed = redis.call('HGET', entries(owner), key)
  if not packed then return 0 end
  redis.call('HDEL', entries(owner), key)
  local _, task = unpacked(packed)
  if task ~= '' and redis.call('HGET', ids, task) == owner .. ' ' .. key then
    redis.call('HDEL', ids, task)
  end
  return 1
end
local function forget(owner)
  for _, key in ipairs(redis.call('HKEYS', entries(owner))) do strike(owner, key) end
  redis.call('HDEL', KEYS[1], owner)
end
"""

# What nobody asked about for a week is forgotten.
_JOIN: Final = Script(
    _COMMON
    + """
local kept = redis.call('HGETALL', KEYS[1])
for n = 1, #kept, 2 do
  local one = about(kept[n])
  if one and one.ends < now - 604800 then forget(kept[n]) end
end
local last = tonumber(redis.call('GET', base .. 'last') or 0)
local number = math.max(last + 1, math.floor(now * 1000))
redis.call('SET', base .. 'last', string.format('%d', number))
keep(string.format('%d', number), ARGV[2], ARGV[3])
return string.format('%d', number)
"""
)
_RENEW: Final = Script(
    _COMMON
    + """
if not alive(ARGV[2]) then return 0 end
local one = about(ARGV[2])
keep(ARGV[2], one.lease, one.node)
return 1
"""
)
_LEAVE: Final = Script(_COMMON + "forget(ARGV[2]) return 1")
_NOTE: Final = Script(
    _COMMON
    + """
if not alive(ARGV[2]) then return 0 end
for n = 3, #ARGV, 2 do note(ARGV[2], ARGV[n], ARGV[n + 1]) end
return 1
"""
)
_STRIKE: Final = Script(
    _COMMON
    + """
local struck = {}
for n = 3, #ARGV do table.insert(struck, strike(ARGV[2], ARGV[n])) end
return struck
"""
)
_ADOPT: Final = Script(
    _COMMON
    + """
local found, wanted = {}, {}
if not alive(ARGV[2]) then return found end
for n = 4, #ARGV do wanted[ARGV[n]] = true end
local owners = redis.call('HGETALL', KEYS[1])
for n = 1, #owners, 2 do
  local one = about(owners[n])
  if one and one.ends <= now and owners[n] ~= ARGV[2] then
    local held = redis.call('HGETALL', entries(owners[n]))
    if #held == 0 then redis.call('HDEL', KEYS[1], owners[n]) end
    for k = 1, #held, 2 do
      local queue, _, whole = unpacked(held[k + 1])
      if whole and wanted[queue] and #found < tonumber(ARGV[3]) then
        move(held[k], held[k + 1], owners[n], ARGV[2])
        table.insert(found, {held[k], held[k + 1], one.node, 0})
      end
    end
  end
end
return found
"""
)
_INQUIRE: Final = Script(
    _COMMON
    + """
local found = {}
if not alive(ARGV[2]) then return found end
for n = 4, #ARGV do
  local holder, key = string.match(redis.call('HGET', ids, ARGV[n]) or '', '^([^ ]+) (.*)$')
  local packed = key and holder ~= ARGV[2] and redis.call('HGET', entries(holder), key)
  local one = packed and about(holder)
  if one then
    local _, _, whole = unpacked(packed)
    local dead = one.ends <= now
    if dead and not whole and ARGV[3] == '1' then move(key, packed, holder, ARGV[2]) end
    table.insert(found, {key, packed, one.node, dead and 0 or 1})
  end
end
return found
"""
)


class RedisLedger(StartedLedger):
    """Keeps entries in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self._key = f"{store.prefix}{{celeriac.ledger}}.owners"

    def join(self, node: str, lease: float) -> int:
        """Become an owner, and forget those long dead."""
        return int(self._run(_JOIN, repr(float(lease)), node.encode("utf-8", "replace")))

    def renew(self, owner: int) -> bool:
        """Prolong the lease, if it has not run out."""
        return bool(self._run(_RENEW, owner))

    def leave(self, owner: int) -> None:
        """Forget an owner and its entries."""
        self._run(_LEAVE, owner)

    def note(self, owner: int, entries: Sequence[Started]) -> bool:
        """Note entries."""
        told = [part for one in entries for part in (one.key, _packed(one))]
        return bool(self._run(_NOTE, owner, *told))

    def strike(self, owner: int, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries."""
        return [bool(done) for done in self._run(_STRIKE, owner, *keys)] if keys else []

    def adopt(self, owner: int, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages of lapsed owners."""
        names = dict.fromkeys(queues)
        return [_found(row) for row in self._run(_ADOPT, owner, max(limit, 0), *names)]

    def inquire(self, owner: int, task_ids: Sequence[str], *, take: bool = True) -> Sequence[Found]:
        """Tell what others noted of these tasks, and take it over from the dead."""
        wanted = [_plain(task_id) for task_id in dict.fromkeys(task_ids)]
        if not wanted:
            return []
        return [_found(row) for row in self._run(_INQUIRE, owner, int(take), *wanted)]

    def _run(self, script: Script, *arguments: Any) -> Any:
        moment = "" if self.store.server_time else repr(self.store.clock.now().timestamp())
        return self.store.run(
            script, [moment, *arguments], keys=[self._key], unavailable=BackendUnavailable
        )


def _packed(entry: Started) -> bytes:
    parts = (_plain(entry.queue), b"%d" % entry.crashes, _plain(entry.task_id))
    return b"\0".join(parts) + b"\0" + entry.raw


def _plain(text: str) -> bytes:
    return text.replace("\0", "").encode("utf-8", "replace")


def _found(row: Sequence[Any]) -> Found:
    key, packed, node, alive = row
    queue, crashes, task_id, raw = packed.split(b"\0", 3)
    entry = Started(key.decode(), task_id.decode(), queue.decode(), int(crashes), raw)
    return Found(entry, node.decode(errors="replace"), bool(alive))
