"""What moves messages into an owner's hands, in Lua: claims, marks, adoptions.

Of a claimed message, `claimed` holds the bytes and `held.<owner>` holds, for whoever owns it,
`<priority step>:<1 if started>:<ticket>:<former owner's node>`; in the last place stands the number
of the link instead, while its owner goes on with a chain.
"""

from __future__ import annotations

from typing import Final

from .scripts import COMMON
from .store import Script

#: Arguments: owner, ticket, limit, how many to note as started, number of the first queue (-1:
#: strictly in order), queues. Returns -1 for a lapsed owner, else when the next parked message is
#: due (or ''), and for each queue that gave anything its number, the number of its first message,
#: how many of them are noted as started, and the messages.
CLAIM: Final = Script(
    COMMON
    + r"""
local owner, ticket = ARGV[3], ARGV[4]
local left, begin, first = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local strictly = first < 0
if strictly then first = 0 end
if not present(owner) then return -1 end
redis.call('SADD', served(owner), unpack(ARGV, 8, math.min(#ARGV, 4007)))
local lines, soonest = {}, nil
for i = 8, #ARGV do
  local queue = ARGV[i]
  if redis.call('SISMEMBER', PAUSED, queue) == 0 then
    promote(queue)
    local line = {queue = queue, index = i - 8, lengths = {}, waiting = 0, take = 0}
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
    local started = math.min(begin, line.take)
    begin = begin - started
    for s, step in ipairs(STEPS) do
      local count = math.min(line.take - #raws, line.lengths[s])
      if count > 0 then
        local waits, begun = step .. ':0:' .. ticket .. ':', step .. ':1:' .. ticket .. ':'
        for _, raw in ipairs(redis.call('RPOP', ready(line.queue, step), count)) do
          number = number + 1
          raws[#raws + 1] = raw
          bytes[#bytes + 1], bytes[#bytes + 2] = number, raw
          states[#states + 1] = number
          states[#states + 1] = #raws <= started and begun or waits
        end
      end
    end
    many('HSET', own(line.queue, 'claimed'), bytes)
    many('HSET', own(line.queue, 'held.' .. owner), states)
    redis.call('SADD', QUEUES, line.queue)
    local k = #out
    out[k + 1], out[k + 2], out[k + 3], out[k + 4] = line.index, begins, started, raws
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
