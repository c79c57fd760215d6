"""What makes, keeps and ends an owner of claims, in Lua."""

from __future__ import annotations

from typing import Final

from .scripts import COMMON
from .store import Script

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
