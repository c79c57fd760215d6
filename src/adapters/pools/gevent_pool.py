"""Jobs in greenlets of gevent, side by side in a child process that is patched from its start."""

from .shared.installed import require
from .shared.pool import SharedPool

__all__ = ["GeventPool"]


class GeventPool(SharedPool):
    """Runs jobs in greenlets; the worker itself is not patched."""

    name = "gevent"
    body = f"{__package__}.shared.green:live_gevent"
    first = "import gevent.monkey; gevent.monkey.patch_all()"

    def __init__(self, slots: int, *, announce_starts: bool = False) -> None:
        require(self.name)
        super().__init__(slots, announce_starts=announce_starts, start_method="spawn")
