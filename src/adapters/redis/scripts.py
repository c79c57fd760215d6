"""What the broker does in one step on the server, in Lua.

Every script takes as arguments: the prefix of all keys (with more behind it, see
`Layout.told`), the time in unix milliseconds (empty: the server's), then its own. What
must stay true: between two commands of a script nothing else happens, so a message that is taken
from one place stands in another when the script ends.

Of a claimed message, `claimed` holds the bytes and `held.<owner>` holds, for whoever owns it,
`<priority step>:<1 if started>:<ticket>:<former owner's node>`; in the last place stands the number
of the link instead, while its owner goes on with a chain.
"""

from __future__ import annotations

from typing import Final

from .store import Script

#: Names, the time, and the ways in which messages move from one place to another.
COMMON: Final = r"""
local P, now = ARGV[1], tonumber(ARGV[2])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
-- Behind the prefix may stand, each after a zero: in a Cluster the only queue that this is about,
-- the separator, the priority steps.
local only, SEPARATOR, STEPS = nil, '\6\22', {'J', 0, 3, 6, 9}
if string.find(P, '\0', 1, true) then
  local parts = {}
  for part in string.gmatch(P .. '\0', '(%Z*)%z') do parts[#parts + 1] = part end
  P, SEPARATOR, STEPS = parts[1], parts[3], {'J'}
  if parts[2] ~= '' then only = parts[2] end
  for step in string.gmatch(parts[4], '%d') do STEPS[#STEPS + 1] = step end
end

local function own(queue, what) return P .. '{' .. queue .. '}celeriac.' .. what end

local G = only and own(only, '') or P .. 'celeriac.'
local OWNERS, NODES = G .. 'owners', G .. 'nodes'
local QUEUES, PAUSED = G .. 'queues', G .. 'paused'
local COUNT = G .. 'count'

-- Step J is a list that Celery's workers do not look at.
local function ready(queue, step)
  if step == 'J' then return own(queue, 'joins') end
  local name = only and P .. '{' .. queue .. '}' or P .. queue
  if tonumber(step) == 0 then return name end
  return name .. SEPARATOR .. step
end

local function served(owner) return G .. 'owner.' .. owner end

local function present(owner)
  local ends = redis.call('ZSCORE', OWNERS, owner)
  return ends and tonumber(ends) > now
end

local rung = {}
local function ring(queue)
  if rung[queue] then return end
  rung[queue] = true
  redis.call('XADD', own(queue, 'bell'), 'MAXLEN', '1', '*', '', '')
end

-- Calls with many arguments, not more at a time than Lua's stack takes.
local function many(command, key, values)
  for i = 1, #values, 4000 do
    redis.call(command, key, unpack(values, i, math.min(i + 3999, #values)))
  end
end

local MARKS = '^{"celeriac": %[(%d+), [01]%], ()'

local function bare(raw)
  local crashes, rest = string.match(raw, MARKS)
  if crashes then return '{' .. string.sub(raw, rest), tonumber(crashes) end
  return raw, 0
end

local function redelivered(raw, crashed)
  if string.sub(raw, 1, 1) ~= '{' then return raw end
  local plain, crashes = bare(raw)
  return '{"celeriac": [' .. (crashes + crashed) .. ', 1], ' .. string.sub(plain, 2)
end

local function park(queue, step, number, due, raw)
  local member = string.format('%s:%020.0f:', step, number) .. raw
  redis.call('ZADD', own(queue, 'parked'), due, member)
end

local function promote(queue)
  local key = own(queue, 'parked')
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 500)
  if #due == 0 then return end
  for i = #due, 1, -1 do
    redis.call('RPUSH', ready(queue, string.sub(due[i], 1, 1)), string.sub(due[i], 24))
  end
  many('ZREM', key, due)
end

-- What an owner holds of a queue, in the order in which it was claimed.
local function held(queue, owner)
  local flat = redis.call('HGETALL', own(queue, 'held.' .. owner))
  local out = {}
  for i = 1, #flat, 2 do out[#out + 1] = {tonumber(flat[i]), flat[i + 1]} end
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end

local function forget(owner)
  redis.call('ZREM', OWNERS, owner)
  redis.call('HDEL', NODES, owner)
  redis.call('DEL', served(owner))
end
"""

#: Tells whether a worker of ours looks at a queue: what is parked waits for one. An owner that has
#: not claimed yet may be about to look at any. In a Cluster there are no workers but ours.
LOOKED_AT: Final = r"""
local known = {}

local function looked_at(queue)
  if known[queue] == nil then
    known[queue] = only ~= nil
    for _, owner in ipairs(redis.call('ZRANGEBYSCORE', OWNERS, '(' .. now, '+inf')) do
      local key = served(owner)
      if redis.call('SISMEMBER', key, queue) == 1 or redis.call('EXISTS', key) == 0 then
        known[queue] = true
        break
      end
    end
  end
  return known[queue]
end
"""

#: For PUBLISH and COMMIT: stores groups of messages, each `queue, step or P, count, …`, unless
#: they are to be passed over. Returns where the next argument stands. What is not due goes where
#: Celery puts it, to its queue, unless a worker of ours is there to see when it is.
PUT: Final = (
    LOOKED_AT
    + r"""
local function put_unparked(queue, first, last)
  local by_step = {}
  for k = first + 1, last, 2 do
    local step = string.sub(ARGV[k], 1, 1)
    by_step[step] = by_step[step] or {}
    table.insert(by_step[step], string.sub(ARGV[k], 24))
  end
  for step, waiting in pairs(by_step) do many('LPUSH', ready(queue, step), waiting) end
end

local function put(i, passed_over)
  local groups = tonumber(ARGV[i])
  i = i + 1
  for _ = 1, groups do
    local queue, step, count = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    local each = step == 'P' and 2 or 1
    local first, last = i + 3, i + 2 + count * each
    i = last + 1
    if not passed_over then
      redis.call('SADD', QUEUES, queue)
      if step == 'P' and not looked_at(queue) then
        put_unparked(queue, first, last)
      else
        local command = step == 'P' and 'ZADD' or 'LPUSH'
        local key = step == 'P' and own(queue, 'parked') or ready(queue, step)
        for k = first, last, 4000 do
          redis.call(command, key, unpack(ARGV, k, math.min(k + 3999, last)))
        end
      end
      ring(queue)
    end
  end
  return i
end
"""
)

#: For SETTLE and COMMIT, where a settlement begins with `number, queue, owner, disposition, two of
#: its values`: `bring_to_end` tells whether the token held, `give_back` ends a batch.
END: Final = r"""
local again = {}

local function holds(i)
  return redis.call('HEXISTS', own(ARGV[i + 1], 'held.' .. ARGV[i + 2]), ARGV[i]) == 1
end

-- Whether it is word of a link that was told already, or of one before that.
local function is_behind(i)
  if ARGV[i + 3] ~= 'relay' then return false end
  local state = redis.call('HGET', own(ARGV[i + 1], 'held.' .. ARGV[i + 2]), ARGV[i])
  local last = state and string.match(state, '^%w:%d:%d+:(%d+)$')
  return last and tonumber(string.match(ARGV[i + 5], '%d+$')) <= tonumber(last)
end

local function bring_to_end(i)
  local number, queue, how = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  local key, claimed = own(queue, 'held.' .. ARGV[i + 2]), own(queue, 'claimed')
  if how == 'relay' then
    local state = redis.call('HGET', key, number)
    local ticket = state and string.match(state, '^%w:%d:(%d+):')
    if not ticket then return 0 end
    if ARGV[i + 4] ~= '' and not is_behind(i) then
      local step, link = string.match(ARGV[i + 5], '^(%w):(%d+)$')
      redis.call('HSET', claimed, number, ARGV[i + 4])
      redis.call('HSET', key, number, step .. ':1:' .. ticket .. ':' .. link)
    end
    return 1
  end
  local state = how ~= 'done' and redis.call('HGET', key, number)
  if redis.call('HDEL', key, number) == 0 then return 0 end
  if how ~= 'done' then
    local raw, step = redis.call('HGET', claimed, number), string.sub(state, 1, 1)
    if how == 'again' then
      again[#again + 1] = {queue, step, redelivered(raw, tonumber(ARGV[i + 4]))}
    elseif how == 'park' then
      park(queue, step, number, ARGV[i + 4], raw)
    else
      local letter = {ARGV[i + 4], ARGV[i + 5], string.format('%.0f', now), step, raw}
      redis.call('HSET', own(queue, 'letters'), number, table.concat(letter, '\0'))
      redis.call('ZADD', own(queue, 'dead'), redis.call('INCR', COUNT), number)
    end
  end
  redis.call('HDEL', claimed, number)
  return 1
end

-- What is pushed last is served first.
local function give_back()
  for k = #again, 1, -1 do
    redis.call('RPUSH', ready(again[k][1], again[k][2]), again[k][3])
    ring(again[k][1])
  end
end
"""

PUBLISH: Final = Script(COMMON + PUT + "put(3)")

#: Arguments: queues. Tells of each whether a worker of ours looks at it.
LOOKS_AT: Final = Script(
    COMMON
    + LOOKED_AT
    + r"""
local answers = {}
for i = 3, #ARGV do answers[#answers + 1] = looked_at(ARGV[i]) and 1 or 0 end
return answers
"""
)

SETTLE: Final = Script(
    COMMON
    + END
    + r"""
local answers = {}
for i = 3, #ARGV, 6 do answers[#answers + 1] = bring_to_end(i) end
give_back()
return answers
"""
)

#: Arguments: tokens. Tells which are the present owner's.
HOLDS: Final = Script(
    COMMON
    + END
    + r"""
local answers = {}
for i = 3, #ARGV, 3 do answers[#answers + 1] = holds(i) and 1 or 0 end
return answers
"""
)
