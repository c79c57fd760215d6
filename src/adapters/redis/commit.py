"""The script of the settler: all that a batch of settlements brings about, in one step.

What must stay true: before the first write it is known that every record may be judged; what
belongs to a stale token is passed over; within a settlement the order is publish, store, count,
acknowledge, so that even a script which the server broke off is mended by the redelivery.
"""

from __future__ import annotations

from typing import Final

from .chords import COUNT_FUNCTION
from .record_scripts import KEEP_FUNCTION
from .scripts import COMMON, END, PUT
from .store import Script

#: The first word of the answer where all went well.
SETTLED: Final = b"settled"

#: Arguments: the time to live of results; for each settlement what END takes, the number of its
#: records, for each of these `key, state, document, verdict, digest`, then 1 or 0 for a part and
#: its `key, task id, part, size`, then what PUT takes.
#: A verdict (`write`, `leave`) is the caller's on a document that no script can read, and holds
#: while that has the digest. Returns `settled` and one answer each, or `unknown` and the keys
#: whose documents cannot be read here; then nothing was written.
COMMIT: Final = Script(
    COMMON
    + PUT
    + END
    + KEEP_FUNCTION
    + COUNT_FUNCTION
    + r"""
local ttl = tonumber(ARGV[3])

local function judged(k)
  return ARGV[k + 3] ~= '' and redis.sha1hex(redis.call('GET', ARGV[k]) or '') == ARGV[k + 4]
end

local function records(i, act)
  for k = i + 7, i + 6 + 5 * tonumber(ARGV[i + 6]), 5 do act(k) end
end

local function part_of(i) return i + 7 + 5 * tonumber(ARGV[i + 6]) end

local function published_of(i)
  local k = part_of(i)
  return ARGV[k] == '1' and k + 5 or k + 1
end

local kept = {}
local function keep(k)
  local key, state, document = ARGV[k], ARGV[k + 1], ARGV[k + 2]
  if keep_record(key, state, document, ttl) then
    kept[key] = state
    return
  end
  local before = kept[key]
  if before == 'SUCCESS' or (READY[before] and not READY[state]) then return end
  if before or ARGV[k + 3] ~= 'leave' then
    write_record(key, document, ttl)
    kept[key] = state
  end
end

local unknown, ours, i = {}, {}, 4
while i <= #ARGV do
  ours[i] = holds(i)
  if ours[i] then
    records(i, function(k)
      local _, known = state_of(ARGV[k])
      if not known and not judged(k) then unknown[#unknown + 1] = ARGV[k] end
    end)
  end
  i = put(published_of(i), true)
end
if #unknown > 0 then return {'unknown', unknown} end

local answers = {}
i = 4
while i <= #ARGV do
  -- A token counts once, also within a batch.
  local passed_over = not (ours[i] and holds(i))
  local after = put(published_of(i), passed_over)
  if not passed_over then
    records(i, keep)
    local k = part_of(i)
    if ARGV[k] == '1' then
      count_part(ARGV[k + 1], ARGV[k + 2], ARGV[k + 3], tonumber(ARGV[k + 4]), ttl)
    end
  end
  answers[#answers + 1] = bring_to_end(i)
  i = after
end
give_back()
return {'settled', answers}
"""
)
