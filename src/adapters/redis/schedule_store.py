"""What beat remembers, on Redis: one hash, with the last tick that was claimed of each entry.

What must stay true: a tick is claimed by one script, so that of many beats exactly one fires it,
whoever of them believes to lead. An entry is a line, `<due> <sent at> <total> <published>
<schedule>`, with times in unix microseconds, which scripts compare without rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ...ports.schedule_store import LastRun, ScheduleStore
from .store import RedisStore, Script

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_KEPT: Final = """
local function kept(entry)
  local line = redis.call('HGET', KEYS[1], entry)
  if not line then return nil end
  local due, total = string.match(line, '^(-?%d+) %S+ (%d+)')
  return tonumber(due), tonumber(total)
end
"""

_CLAIM: Final = Script(
    _KEPT
    + """
local entry, due, sent, schedule = unpack(ARGV)
local last, total = kept(entry)
if last and tonumber(due) <= last then return 0 end
local line = string.format('%s %s %d 0 ', due, sent, (total or 0) + 1)
redis.call('HSET', KEYS[1], entry, line .. schedule)
return 1
"""
)

_REMEMBER: Final = Script(
    _KEPT
    + """
for first = 1, #ARGV, 6 do
  local entry, due, sent, total, published, schedule = unpack(ARGV, first, first + 5)
  local last, known = kept(entry)
  if not last or last <= tonumber(due) then
    local line = string.format('%s %s %d %s ', due, sent, known or tonumber(total), published)
    redis.call('HSET', KEYS[1], entry, line .. schedule)
  end
end
return 1
"""
)


class RedisScheduleStore(ScheduleStore):
    """Remembers in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self._key = f"{store.prefix}celeriac.ticks"

    def open(self) -> None:
        """Connect."""
        self.store.open()

    def close(self) -> None:
        """Do nothing: nothing is held back, and connections are the store's."""

    def last_runs(self) -> Sequence[LastRun]:
        """Return what is remembered."""
        kept = self.store.do(lambda client: client.hgetall(self._key))
        return [_run(entry, line) for entry, line in kept.items()]

    def claim_tick(self, entry: str, due: datetime, now: datetime, schedule: str = "") -> bool:
        """Claim a tick."""
        line = [_bytes(entry), _microseconds(due), _microseconds(now), _bytes(schedule)]
        return bool(self.store.run(_CLAIM, line, keys=[self._key]))

    def remember(self, runs: Sequence[LastRun]) -> None:
        """Write runs over earlier ones, all or none."""
        if runs:
            lines = [part for run in runs for part in _line(run)]
            self.store.run(_REMEMBER, lines, keys=[self._key])

    def forget(self, entries: Sequence[str]) -> None:
        """Drop what is remembered."""
        if entries:
            names = [_bytes(entry) for entry in entries]
            self.store.do(lambda client: client.hdel(self._key, *names))


def _line(run: LastRun) -> tuple[bytes, int, int, int, int, bytes]:
    due, sent_at = _microseconds(run.due), _microseconds(run.sent_at)
    return _bytes(run.entry), due, sent_at, run.total, int(run.published), _bytes(run.schedule)


def _run(entry: bytes, line: bytes) -> LastRun:
    due, sent_at, total, published, schedule = line.split(b" ", 4)
    return LastRun(
        _text(entry),
        _moment(int(due)),
        _moment(int(sent_at)),
        int(total),
        _text(schedule),
        published == b"1",
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogatepass")
