"""A worker as its events show it."""

from bisect import insort
from collections.abc import Callable, Mapping
from typing import Any, Final

#: Percent of the time between heartbeats after which a worker counts as gone.
HEARTBEAT_EXPIRE_WINDOW: Final = 200
#: How a worker is shown, in Celery's words.
R_WORKER: Final = "<Worker: {0.hostname} ({0.status_string} clock:{0.clock})>"


def heartbeat_expires(
    timestamp: float, freq: float = 60, expire_window: float = HEARTBEAT_EXPIRE_WINDOW
) -> float:
    """Return when a heartbeat (unix seconds) is overdue; `freq` is seconds between two."""
    return timestamp + freq * expire_window / 100


class Worker:
    """One node. What its events say is there as attributes; times are unix seconds."""

    # So that no event overwrites what was counted.
    __slots__ = ("__dict__", "heartbeats")

    #: How many heartbeats are remembered.
    heartbeat_max = 4
    #: Percent of the time between heartbeats after which it counts as gone.
    expire_window = HEARTBEAT_EXPIRE_WINDOW

    hostname: str | None = None
    pid: int | None = None
    #: Seconds between two heartbeats.
    freq: float = 60
    clock = 0
    active: int | None = None
    processed: int | None = None
    loadavg: Any = None
    sw_ident: str | None = None
    sw_ver: str | None = None
    sw_sys: str | None = None

    _fields = (
        *("hostname", "pid", "freq", "heartbeats", "clock", "active", "processed", "loadavg"),
        *("sw_ident", "sw_ver", "sw_sys"),
    )

    def __init__(
        self,
        hostname: str | None = None,
        pid: int | None = None,
        freq: float = 60,
        *,
        now: Callable[[], float],
        **fields: Any,
    ) -> None:
        """Be unheard of so far."""
        self.hostname, self.pid, self.freq = hostname, pid, freq
        self.heartbeats: list[float] = []
        self._now = now
        self.update(fields)

    def event(
        self,
        subject: str,
        timestamp: float | None,
        local_received: float | None,
        fields: Mapping[str, Any],
    ) -> None:
        """Take in what was said."""
        self.update(fields)
        if subject == "offline":
            self.heartbeats.clear()
        elif timestamp and local_received:
            insort(self.heartbeats, local_received)
            del self.heartbeats[: -self.heartbeat_max]

    def update(self, f: Mapping[str, Any], **kw: Any) -> None:
        """Take fields as attributes."""
        taken = {**f, **kw}.items()
        self.__dict__.update({name: value for name, value in taken if not name.startswith("_")})

    @property
    def heartbeat_expires(self) -> float:
        """When the last heartbeat is overdue; 0 if there was none."""
        if not self.heartbeats:
            return 0.0
        return heartbeat_expires(self.heartbeats[-1], self.freq, self.expire_window)

    @property
    def alive(self) -> bool:
        """Whether a heartbeat is not overdue."""
        return self._now() < self.heartbeat_expires

    @property
    def status_string(self) -> str:
        """ONLINE or OFFLINE."""
        return "ONLINE" if self.alive else "OFFLINE"

    @property
    def id(self) -> str:
        """Node and process."""
        return f"{self.hostname}.{self.pid}"

    def __eq__(self, other: object) -> bool:
        """Compare by node name."""
        return isinstance(other, Worker) and self.hostname == other.hostname

    def __hash__(self) -> int:
        """Hash by node name."""
        return hash(self.hostname)

    def __repr__(self) -> str:
        """Show name and status."""
        return R_WORKER.format(self)
