"""Wait for what another thread or process is about to do."""

import time
from collections.abc import Callable

#: Seconds after which what has not come is not coming; a busy machine is slow.
PATIENCE = 30


def eventually(true: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Return once it is true; fail when it is not in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so within {seconds:g} s"
        time.sleep(0.005)
