"""What the broker does in one step on the server, in Lua.

Every script takes as arguments: the prefix of all keys (with more behind it, see
`Layout.told`), the time in unix milliseconds (empty: the server's), then its own. What
must stay true: between two commands of a script nothing else happens, so a message that is taken
from one place stands in another when the script ends.

Of a claimed message, `claimed` holds the bytes and `held.<owner>` holds, for whoever owns it,
`<priority step>:<1 if started>:<ticket>:<former owner's node>`.
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

#: For PUBLISH and COMMIT: stores groups of messages, each `queue, step or P, count, …`, unless
#: they are to be passed over. Returns where the next argument stands.
PUT: Final = r"""
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
      local command = step == 'P' and 'ZADD' or 'LPUSH'
      local key = step == 'P' and own(queue, 'parked') or ready(queue, step)
      for k = first, last, 4000 do
        redis.call(command, key, unpack(ARGV, k, math.min(k + 3999, last)))
      end
      ring(queue)
    end
  end
  return i
end
"""

#: For SETTLE and COMMIT, where a settlement begins with `number, queue, owner, disposition, two of
#: its values`: `bring_to_end` tells whether the token held, `give_back` ends a batch.
END: Final = r"""
local again = {}

local function holds(i)
  return redis.call('HEXISTS', own(ARGV[i + 1], 'held.' .. ARGV[i + 2]), ARGV[i]) == 1
end

local function bring_to_end(i)
  local number, queue, how = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  local key, claimed = own(queue, 'held.' .. ARGV[i + 2]), own(queue, 'claimed')
  local state = redis.call('HGET', key, number)
  if not state then return 0 end
  redis.call('HDEL', key, number)
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

ENLIST: Final = Script(
    COMMON
    + r"""
-- Never below the time: a number is not given again even where a failover forgot that it was.
local owner = redis.call('INCR', G .. 'enlisted')
if owner < now then
  owner = now
  redis.call('SET', G .. 'enlisted', owner)
end
redis.call('ZADD', OWNERS, now + tonumber(ARGV[4]), owner)
redis.call('HSET', NODES, owner, ARGV[3])
return owner
"""
)

RENEW: Final = Script(
    COMMON
    + r"""
if not present(ARGV[3]) then return 0 end
redis.call('ZADD', OWNERS, now + tonumber(ARGV[4]), ARGV[3])
return 1
"""
)

LEAVE: Final = Script(
    COMMON
    + r"""
local owner = ARGV[3]
if not present(owner) then return 0 end
for _, queue in ipairs(redis.call('SMEMBERS', served(owner))) do
  local ours, claimed = held(queue, owner), own(queue, 'claimed')
  for i = #ours, 1, -1 do
    local number, state = ours[i][1], ours[i][2]
    local raw = redis.call('HGET', claimed, number)
    redis.call('RPUSH', ready(queue, string.sub(state, 1, 1)), redelivered(raw, 0))
    redis.call('HDEL', claimed, number)
  end
  redis.call('DEL', own(queue, 'held.' .. owner))
  if #ours > 0 then ring(queue) end
end
forget(owner)
return 1
"""
)

#: Arguments: owner, ticket, limit, number of the first queue (-1: strictly in order), queues.
#: Returns -1 for a lapsed owner, else when the next parked message is due (or ''), and for each
#: queue that gave anything its number, the number of its first message, and the messages.
CLAIM: Final = Script(
    COMMON
    + r"""
local owner, ticket = ARGV[3], ARGV[4]
local left, first = tonumber(ARGV[5]), tonumber(ARGV[6])
local strictly = first < 0
if strictly then first = 0 end
if not present(owner) then return -1 end
local lines, soonest = {}, nil
for i = 7, #ARGV do
  local queue = ARGV[i]
  if redis.call('SISMEMBER', PAUSED, queue) == 0 then
    promote(queue)
    local line = {queue = queue, index = i - 7, lengths = {}, waiting = 0, take = 0}
    for k, step in ipairs(STEPS) do
      line.lengths[k] = redis.call('LLEN', ready(queue, step))
      line.waiting = line.waiting + line.lengths[k]
    end
    if line.waiting > 0 then
      lines[#lines + 1] = line
    else
      local due = redis.call('ZRANGE', own(queue, 'parked'), 0, 0, 'WITHSCORES')[2]
      if due and (not soonest or tonumber(due) < tonumber(soonest)) then soonest = due end
    end
  end
end
local open = #lines
while left > 0 and open > 0 do
  local share = strictly and left or math.max(1, math.floor(left / open))
  for k = 0, #lines - 1 do
    local line = lines[(first + k) % #lines + 1]
    local take = math.min(share, line.waiting, left)
    if take > 0 then
      line.take, line.waiting, left = line.take + take, line.waiting - take, left - take
      if line.waiting == 0 then open = open - 1 end
    end
  end
end
local out = {soonest or ''}
for k = 0, #lines - 1 do
  local line = lines[(first + k) % #lines + 1]
  if line.take > 0 then
    local number = redis.call('INCRBY', COUNT, line.take) - line.take
    local begins, raws, bytes, states = number + 1, {}, {}, {}
    for s, step in ipairs(STEPS) do
      local count = math.min(line.take - #raws, line.lengths[s])
      if count > 0 then
        local state = step .. ':0:' .. ticket .. ':'
        for _, raw in ipairs(redis.call('RPOP', ready(line.queue, step), count)) do
          number = number + 1
          raws[#raws + 1] = raw
          bytes[#bytes + 1], bytes[#bytes + 2] = number, raw
          states[#states + 1], states[#states + 2] = number, state
        end
      end
    end
    many('HSET', own(line.queue, 'claimed'), bytes)
    many('HSET', own(line.queue, 'held.' .. owner), states)
    redis.call('SADD', served(owner), line.queue)
    redis.call('SADD', QUEUES, line.queue)
    out[#out + 1], out[#out + 2], out[#out + 3] = line.index, begins, raws
  end
end
return out
"""
)

#: Arguments: owner, ticket, queue, where to go on (which of its places, the last being what is
#: parked, and how far into it), how many messages to look at, ids as they stand in JSON. Returns -1
#: for a lapsed owner, else where to go on, then places with what was taken there, as HELD_UNDER's.
#: Each place is read from its end: what is served or promoted meanwhile leaves at the other, so
#: that nothing is passed over. What is taken out of a list leaves a mark till all is read.
SEIZE: Final = Script(
    COMMON
    + r"""
local owner, ticket, queue, wanted, meant = ARGV[3], ARGV[4], ARGV[5], {}, {}
local place, at, left = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if not present(owner) then return -1 end
for i = 9, #ARGV do
  local ok, ids = pcall(cjson.decode, '["' .. ARGV[i] .. '"]')
  if ok then wanted[ARGV[i]], meant[ids[1]] = true, true end
end

local function text_from(raw, first)
  local at = first
  while true do
    at = string.find(raw, '["\\]', at)
    if not at then return '' end
    if string.sub(raw, at, at) == '"' then return string.sub(raw, first, at - 1) end
    at = at + 2
  end
end

-- Texts are looked at first: to read whole envelopes would take far longer.
local function is_meant(raw)
  local at = 1
  while true do
    local _, key = string.find(raw, '"id":', at, true)
    if not key then return false end
    local first = string.match(raw, '^ ?"()', key + 1)
    if first and wanted[text_from(raw, first)] then break end
    at = key + 1
  end
  local ok, envelope = pcall(cjson.decode, raw)
  local headers = ok and type(envelope) == 'table' and envelope.headers
  return type(headers) == 'table' and meant[headers.id] or false
end

local gone, groups = '\0' .. owner .. ':' .. ticket, {}
while place <= #STEPS + 1 and left > 0 do
  local step, rows, members, over = STEPS[place], {}, {}, false
  local key = step and ready(queue, step) or own(queue, 'parked')
  while left > 0 and not over do
    local found = redis.call(step and 'LRANGE' or 'ZREVRANGE', key, at, at + 499)
    for k, one in ipairs(found) do
      local raw = step and one or string.sub(one, 24)
      if is_meant(raw) then
        local state = (step or string.sub(one, 1, 1)) .. ':0:' .. ticket .. ':'
        rows[#rows + 1] = {queue, 0, state, raw}
        members[#members + 1] = one
        if step then redis.call('LSET', key, at + k - 1, gone) end
      end
    end
    at, left, over = at + #found, left - #found, #found < 500
  end
  if #rows > 0 then
    if step then redis.call('LREM', key, #rows, gone) else many('ZREM', key, members) end
    at = at - #rows
    local number, bytes, states, served_first = redis.call('INCRBY', COUNT, #rows), {}, {}, {}
    for k = #rows, 1, -1 do
      local row = rows[k]
      row[2] = number - k + 1
      served_first[#served_first + 1] = row
      bytes[#bytes + 1], bytes[#bytes + 2] = row[2], row[4]
      states[#states + 1], states[#states + 2] = row[2], row[3]
    end
    many('HSET', own(queue, 'claimed'), bytes)
    many('HSET', own(queue, 'held.' .. owner), states)
    redis.call('SADD', served(owner), queue)
    redis.call('SADD', QUEUES, queue)
    groups[#groups + 1] = {place, served_first}
  end
  if over then place, at = place + 1, 0 end
end
return {place, at, groups}
"""
)

#: Arguments: owner, tickets. Returns what the owner holds under these, each as `queue, number,
#: state, bytes`: a claim or an adoption whose answer was lost.
HELD_UNDER: Final = Script(
    COMMON
    + r"""
local owner, tickets, out = ARGV[3], {}, {}
for i = 4, #ARGV do tickets[ARGV[i]] = true end
for _, queue in ipairs(redis.call('SMEMBERS', served(owner))) do
  for _, one in ipairs(held(queue, owner)) do
    if tickets[string.match(one[2], '^%w:%d:(%d+):')] then
      local raw = redis.call('HGET', own(queue, 'claimed'), one[1])
      out[#out + 1] = {queue, one[1], one[2], raw}
    end
  end
end
return out
"""
)

#: Arguments: three for each token (number, queue, owner).
MARK_STARTED: Final = Script(
    COMMON
    + r"""
local answers = {}
for i = 3, #ARGV, 3 do
  local key = own(ARGV[i + 1], 'held.' .. ARGV[i + 2])
  local state = redis.call('HGET', key, ARGV[i])
  answers[#answers + 1] = state and 1 or 0
  if state then
    redis.call('HSET', key, ARGV[i], string.sub(state, 1, 2) .. '1' .. string.sub(state, 4))
  end
end
return answers
"""
)

#: Arguments: owner, ticket, limit, queues. Returns as HELD_UNDER does, -1 for a lapsed owner.
RECOVER: Final = Script(
    COMMON
    + r"""
local owner, ticket, left = ARGV[3], ARGV[4], tonumber(ARGV[5])
if not present(owner) then return -1 end
local out = {}
for _, lapsed in ipairs(redis.call('ZRANGEBYSCORE', OWNERS, '-inf', now)) do
  local node = redis.call('HGET', NODES, lapsed) or ''
  for i = 6, #ARGV do
    local queue = ARGV[i]
    local theirs, claimed = own(queue, 'held.' .. lapsed), own(queue, 'claimed')
    if left > 0 and redis.call('EXISTS', theirs) == 1 then
      for _, one in ipairs(held(queue, lapsed)) do
        if left == 0 then break end
        left = left - 1
        local raw = redelivered(redis.call('HGET', claimed, one[1]), 0)
        local state = string.sub(one[2], 1, 4) .. ticket .. ':' .. node
        redis.call('HSET', claimed, one[1], raw)
        redis.call('HSET', own(queue, 'held.' .. owner), one[1], state)
        redis.call('HDEL', theirs, one[1])
        redis.call('SADD', served(owner), queue)
        out[#out + 1] = {queue, one[1], state, raw}
      end
    end
  end
  local holds = false
  for _, queue in ipairs(redis.call('SMEMBERS', served(lapsed))) do
    holds = holds or redis.call('EXISTS', own(queue, 'held.' .. lapsed)) == 1
  end
  if not holds then forget(lapsed) end
end
return out
"""
)

#: Arguments: queues. Makes what is due ready.
PROMOTE: Final = Script(COMMON + "for i = 3, #ARGV do promote(ARGV[i]) end")

#: Arguments: queues. Returns how many were deleted.
PURGE: Final = Script(
    COMMON
    + r"""
local count = 0
for i = 3, #ARGV do
  for _, step in ipairs(STEPS) do
    count = count + redis.call('LLEN', ready(ARGV[i], step))
    redis.call('DEL', ready(ARGV[i], step))
  end
  count = count + redis.call('ZCARD', own(ARGV[i], 'parked'))
  redis.call('DEL', own(ARGV[i], 'parked'))
end
return count
"""
)

#: Arguments: queue, numbers of dead letters. Returns how many there were.
REVIVE: Final = Script(
    COMMON
    + r"""
local queue, count = ARGV[3], 0
for i = 4, #ARGV do
  local letter = redis.call('HGET', own(queue, 'letters'), ARGV[i])
  if letter then
    local step, raw = string.match(letter, '^%Z*%z%Z*%z%d*%z(%w)%z(.*)$')
    redis.call('HDEL', own(queue, 'letters'), ARGV[i])
    redis.call('ZREM', own(queue, 'dead'), ARGV[i])
    redis.call('LPUSH', ready(queue, step), (bare(raw)))
    count = count + 1
  end
end
if count > 0 then ring(queue) end
return count
"""
)
