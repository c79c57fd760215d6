"""Jobs on one event loop: thousands of `async def` tasks at once, others in threads beside it."""

from .shared.pool import SharedPool

__all__ = ["AsyncioPool"]


class AsyncioPool(SharedPool):
    """Runs jobs in a child process with an event loop."""

    name = "asyncio"
    body = f"{__package__}.shared.loop:live"
