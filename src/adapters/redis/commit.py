"""The script of the settler: all that a batch of settlements brings about, in one step.

What must stay true: before the first write it is known that every record may be judged; what
belongs to a stale token is passed over; within a settlement the order is publish, store, count,
acknowledge, so that even a script which the server broke off is mended by the redelivery.
"""

from __future__ import annotations

from typing import Final

from .chord_scripts import CHORD_FUNCTIONS
from .record_scripts import KEEP_FUNCTION
from .scripts import COMMON, END, PUT
from .store import Script

#: The first word of the answer where all went well.
SETTLED: Final = b"settled"

#: Arguments: what `records_kept_by` and `kept_by` take; the number of completions, for each of
#: these the key of its group and what PUT takes; then for each settlement what END takes, five
#: lists that begin with their length, and what PUT takes. The lists are of records (`key, state,
#: document, verdict, digest`), of chords that are opened (`key, size`), of chords that grow (`key,
#: by, key of the growth`), of parts (`key, task id, index, size, part`), and of the keys of chords
#: that are closed. A verdict (`write`, `leave`) is the caller's on a document that no script can
#: read, and holds while that has the digest. Returns `settled` and one answer each, or `unknown`
#: and the keys whose documents cannot be read here; then nothing was written.
COMMIT: Final = Script(
    COMMON
    + PUT
    + END
    + KEEP_FUNCTION
    + CHORD_FUNCTIONS
    + r"""
local function judged(k)
  return ARGV[k + 3] ~= '' and redis.sha1hex(redis.call('GET', ARGV[k]) or '') == ARGV[k + 4]
end

-- Acts on each entry of a list; returns where the next one begins.
local function each(i, width, act)
  local after = i + 1 + width * tonumber(ARGV[i])
  if act then
    for k = i + 1, after - 1, width do act(k) end
  end
  return after
end

local function lists(i, acts)
  i = each(i, 5, acts.record)
  i = each(i, 2, acts.open)
  i = each(i, 3, acts.grow)
  i = each(i, 5, acts.part)
  return each(i, 1, acts.close)
end

-- What stands at each key, false where nothing does; no entry where no script can tell.
local states = {}
local function keep(k)
  local key, state = ARGV[k], ARGV[k + 1]
  local before = states[key]
  if before == nil then
    if ARGV[k + 3] == 'leave' then return end
  elseif before == 'SUCCESS' or (READY[before] and not READY[state]) then
    return
  end
  write_record(key, state, ARGV[k + 2])
  states[key] = state
end

local completions = {}
local function count(k)
  local chord, complete = count_part(unpack(ARGV, k, k + 4))
  if complete and not chord.claim then
    put(completions[chord.key], false)
    claim_chord(chord, 'done', closed_ttl)
  end
end

records_kept_by(3)
kept_by(5)
local i = 10
for _ = 1, tonumber(ARGV[9]) do
  completions[ARGV[i]] = i + 1
  i = put(i + 1, true)
end

-- Which settlements are the present owner's, where what they publish stands, and the next one.
local first, unknown, ours, published, following = i, {}, {}, {}, {}
local function look(k)
  local state, known = state_of(ARGV[k])
  if known then
    states[ARGV[k]] = state or false
  elseif not judged(k) then
    unknown[#unknown + 1] = ARGV[k]
  end
end
while i <= #ARGV do
  ours[i] = holds(i)
  published[i] = lists(i + 6, {record = ours[i] and look})
  following[i] = put(published[i], true)
  i = following[i]
end
if #unknown > 0 then return {'unknown', unknown} end

local answers, acts = {}, {
  record = keep,
  open = function(k) open_chord(ARGV[k], ARGV[k + 1]) end,
  grow = function(k) grow_chord(unpack(ARGV, k, k + 2)) end,
  part = count,
  close = function(k) close_chord(ARGV[k]) end,
}
i = first
local seen = {}
while i <= #ARGV do
  -- A token counts once, also within a batch.
  local token = ARGV[i] .. ':' .. ARGV[i + 1]
  if ours[i] and not seen[token] and not is_behind(i) then
    seen[token] = ARGV[i + 3] ~= 'relay'
    put(published[i], false)
    lists(i + 6, acts)
  end
  answers[#answers + 1] = bring_to_end(i)
  i = following[i]
end
keep_chords()
give_back()
return {'settled', answers}
"""
)
