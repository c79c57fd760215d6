"""Jobs in greenlets of eventlet, side by side in a child process that is patched from its start."""

from .shared.installed import require
from .shared.pool import SharedPool

__all__ = ["EventletPool"]


class EventletPool(SharedPool):
    """Runs jobs in greenlets; the worker itself is not patched."""

    name = "eventlet"
    body = f"{__package__}.shared.green:live_eventlet"
    first = "import eventlet; eventlet.monkey_patch()"

    def __init__(self, slots: int, *, announce_starts: bool = False) -> None:
        require(self.name)
        super().__init__(slots, announce_starts=announce_starts, start_method="spawn")
