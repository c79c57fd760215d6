"""Scripts over chords, in the keys that Celery's workers count in as well.

Of the group `<id>`, with `<key>` being the key of the saved group: `<key>.j` holds the parts, `.d`
what was counted, `.s` the size and `.t` what was added to it, `.c` who sees to the body. What must
stay true: whoever sets `.c` is the only one to publish the body; `done` stands there from then on
for as long as a part may come late; nothing here costs more the more was counted before.
"""

from __future__ import annotations

from typing import Final

from .store import Script

#: Seconds for which one who was told that a chord is due keeps it from all others.
CLAIMED_FOR: Final = 10

#: Lua that opens, counts and closes; the settler's script begins with it too. `kept_by(k)` takes
#: four arguments: seconds for which parts, the saved group and a closed chord are kept (0: for
#: ever), and 1 where parts stand in the order of their index. `.d` holds Celery's
#: `<task id>:<index>` of each part, `<task id>:*` of ours, and `+:<key>` of what was added.
#: `keep_chords` ends a script.
CHORD_FUNCTIONS: Final = f"""
local chord_ttl, group_ttl, closed_ttl, ordered
local function kept_by(k)
  chord_ttl, group_ttl, closed_ttl = tonumber(ARGV[k]), tonumber(ARGV[k + 1]), tonumber(ARGV[k + 2])
  ordered = ARGV[k + 3] == '1'
end

local chords = {{}}
local function chord_of(key)
  local chord = chords[key]
  if chord then return chord end
  chord = {{key = key, parts = key .. '.j', claim = redis.call('GET', key .. '.c')}}
  chord.size = tonumber(redis.call('GET', key .. '.s') or '')
  chord.grown = tonumber(redis.call('GET', key .. '.t') or '') or 0
  -- Celery may be told to keep no order, and then it is a list.
  local kind = redis.call('TYPE', chord.parts).ok
  chord.ordered = kind == 'zset' or (kind == 'none' and ordered)
  chord.counted = redis.call(chord.ordered and 'ZCARD' or 'LLEN', chord.parts)
  chords[key] = chord
  return chord
end

local function claim_chord(chord, claim, ttl)
  if ttl > 0 then
    redis.call('SET', chord.key .. '.c', claim, 'EX', ttl)
  else
    redis.call('SET', chord.key .. '.c', claim)
  end
  chord.claim = claim
end

local function open_chord(key, size)
  local chord = chord_of(key)
  if chord.size or chord.claim == 'done' then return end
  redis.call('SET', key .. '.s', size)
  chord.size, chord.touched = tonumber(size), true
end

local function grow_chord(key, by, name)
  local chord = chord_of(key)
  if chord.claim == 'done' or redis.call('SADD', key .. '.d', '+:' .. name) == 0 then return end
  chord.grown, chord.touched = redis.call('INCRBY', key .. '.t', by), true
end

-- Returns the chord, and whether all its parts are in and its body is not published.
local function count_part(key, task_id, index, size, part)
  local chord = chord_of(key)
  if chord.claim == 'done' then return chord, false end
  chord.touched = true
  if redis.call('SADD', key .. '.d', task_id .. ':' .. index, task_id .. ':*') == 2 then
    if chord.ordered then
      chord.counted = chord.counted + redis.call('ZADD', chord.parts, index, part)
    else
      chord.counted = redis.call('RPUSH', chord.parts, part)
    end
    -- Only with a part that is new: Celery drops the size of a chord that failed.
    if size ~= '' then open_chord(key, size) end
  end
  return chord, chord.size and chord.counted >= chord.size + chord.grown
end

local function close_chord(key)
  local chord = chord_of(key)
  redis.call('UNLINK', key .. '.j', key .. '.t', key .. '.s', key .. '.d')
  -- One kept for ever would never be missed, since nothing comes that late.
  claim_chord(chord, 'done', closed_ttl > 0 and closed_ttl or 86400)
  chord.counted, chord.touched = 0, false
end

local function keep_chords()
  if chord_ttl == 0 then return end
  for key, chord in pairs(chords) do
    if chord.touched then
      for _, ending in ipairs({{'.j', '.t', '.s', '.d'}}) do
        redis.call('EXPIRE', key .. ending, chord_ttl)
      end
      if group_ttl > 0 then redis.call('EXPIRE', key, group_ttl) end
    end
  end
end

-- Whether this part is the one that is told: a message that comes again asks for the same part.
local function is_told(chord, task_id)
  local claim = 'celeriac:' .. task_id
  if chord.claim and chord.claim ~= claim then return false end
  claim_chord(chord, claim, {CLAIMED_FOR})
  return true
end
"""

#: ARGV: what `kept_by` takes, then for each key `task id, index, size or '', part`. Returns for
#: each how many were counted, how many there will be (''), and 1 for one who is told.
COUNT: Final = Script(
    CHORD_FUNCTIONS
    + """
kept_by(1)
local answers = {}
for number, key in ipairs(KEYS) do
  local task_id, index, size, part = unpack(ARGV, number * 4 + 1, number * 4 + 4)
  local chord, complete = count_part(key, task_id, index, size, part)
  answers[#answers + 1] = chord.counted
  answers[#answers + 1] = chord.size and chord.size + chord.grown or ''
  answers[#answers + 1] = complete and is_told(chord, task_id) and 1 or 0
end
keep_chords()
return answers
"""
)

#: ARGV: what `kept_by` takes, then a size for each key.
OPEN: Final = Script(
    CHORD_FUNCTIONS
    + """
kept_by(1)
for number, key in ipairs(KEYS) do open_chord(key, ARGV[number + 4]) end
keep_chords()
"""
)

#: ARGV: what `kept_by` takes, then for each key by how much, and the growth's own key.
GROW: Final = Script(
    CHORD_FUNCTIONS
    + """
kept_by(1)
for number, key in ipairs(KEYS) do
  grow_chord(key, ARGV[number * 2 + 3], ARGV[number * 2 + 4])
end
keep_chords()
"""
)

#: ARGV: what `kept_by` takes.
CLOSE: Final = Script(
    CHORD_FUNCTIONS
    + """
kept_by(1)
for _, key in ipairs(KEYS) do close_chord(key) end
"""
)
