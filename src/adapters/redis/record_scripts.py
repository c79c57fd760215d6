"""Scripts over records, with which `states.may_replace` is kept within Redis.

What must stay true: SUCCESS is final, and another ready state gives way to ready states only,
whoever writes at the same time, Celery's workers included. What a script cannot read (documents
that are no JSON) it leaves alone and says so; `SWAP` then replaces exactly what the caller saw.
"""

from __future__ import annotations

from typing import Final

from .store import Script

#: Lua that writes one record; the settler's scripts may begin with it too. `records_kept_by(k)`
#: takes two arguments: seconds for which records are kept, and those in state FAILURE (0: for
#: ever). `keep_record` returns false where it cannot tell the state of what is kept.
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
local ttl_of_records, ttl_of_failures
local function records_kept_by(k)
  ttl_of_records, ttl_of_failures = tonumber(ARGV[k]), tonumber(ARGV[k + 1])
end
local function write_record(key, state, document)
  local ttl = state == 'FAILURE' and ttl_of_failures or ttl_of_records
  if ttl > 0 then
    redis.call('SETEX', key, ttl, document)
  else
    redis.call('SET', key, document)
  end
  redis.call('PUBLISH', key, document)
end
local function keep_record(key, state, document)
  local kept, known = state_of(key)
  if not known then return false end
  if not READY[kept] or (kept ~= 'SUCCESS' and READY[state]) then
    write_record(key, state, document)
  end
  return true
end
"""

#: ARGV: what `records_kept_by` takes, then state and document of each key. Returns the numbers of
#: those keys whose state could not be told, where nothing was written.
STORE: Final = Script(
    KEEP_FUNCTION
    + """
records_kept_by(1)
local unknown = {}
for number, key in ipairs(KEYS) do
  if not keep_record(key, ARGV[number * 2 + 1], ARGV[number * 2 + 2]) then
    unknown[#unknown + 1] = number
  end
end
return unknown
"""
)

#: ARGV: what `records_kept_by` takes, the digest of what is to be replaced, state and document.
SWAP: Final = Script(
    KEEP_FUNCTION
    + """
if redis.sha1hex(redis.call('GET', KEYS[1]) or '') ~= ARGV[3] then return 0 end
records_kept_by(1)
write_record(KEYS[1], ARGV[4], ARGV[5])
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
