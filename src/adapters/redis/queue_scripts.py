"""What operators do to whole queues, in Lua."""

from __future__ import annotations

from typing import Final

from .scripts import COMMON
from .store import Script

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
