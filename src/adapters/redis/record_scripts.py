"""Scripts over records, with which `states.may_replace` is kept within Redis.

What must stay true: SUCCESS is final, and another ready state gives way to ready states only,
whoever writes at the same time, Celery's workers included. What a script cannot read (documents
that are no JSON) it leaves alone and says so; `SWAP` then replaces exactly what the caller saw.
"""

from __future__ import annotations

from typing import Final

from .store import Script

#: Lua that writes one record; the settler's scripts may begin with it too. `ttl` in seconds, 0:
#: for ever. Returns false where it cannot tell the state of what is kept.
KEEP_FUNCTION: Final = """
local READY = {SUCCESS = true, FAILURE = true, REVOKED = true}
local function state_of(key)
  local head = redis.call('GETRANGE', key, 0, 79)
  if head == '' then return nil, true end
  local state = string.match(head, '^{"status": ?"([%w_-]*)"')
  if state then return state, true end
  if string.sub(head, 1, 1) ~= '{' then return nil, false end
  local is_json, document = pcall(cjson.decode, redis.call('GET', key))
  if is_json and type(document.status) == 'string' then return document.status, true end
  return nil, false
end
local function write_record(key, document, ttl)
  if ttl > 0 then
    redis.call('SETEX', key, ttl, document)
  else
    redis.call('SET', key, document)
  end
  redis.call('PUBLISH', key, document)
end
local function keep_record(key, state, document, ttl)
  local kept, known = state_of(key)
  if not known then return false end
  if not READY[kept] or (kept ~= 'SUCCESS' and READY[state]) then
    write_record(key, document, ttl)
  end
  return true
end
"""

#: ARGV: the time to live, then state and document of each key. Returns the numbers of those keys
#: whose state could not be told, where nothing was written.
STORE: Final = Script(
    KEEP_FUNCTION
    + """
local ttl, unknown = tonumber(ARGV[1]), {}
for number, key in ipairs(KEYS) do
  if not keep_record(key, ARGV[number * 2], ARGV[number * 2 + 1], ttl) then
    unknown[#unknown + 1] = number
  end
end
return unknown
"""
)

#: ARGV: the time to live, the digest of what is to be replaced, the document.
SWAP: Final = Script(
    KEEP_FUNCTION
    + """
if redis.sha1hex(redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return 0 end
write_record(KEYS[1], ARGV[3], tonumber(ARGV[1]))
return 1
"""
)

#: ARGV: for each key the digest of what may be deleted. Returns how many were.
DELETE_UNCHANGED: Final = Script(
    """
local deleted = 0
for number, key in ipairs(KEYS) do
  if redis.sha1hex(redis.call('GET', key) or '') == ARGV[number] then
    deleted = deleted + redis.call('DEL', key)
  end
end
return deleted
"""
)
