"""What every thread of this process is doing at this moment, as text."""

import sys
import threading
import traceback

_RULE = "=" * 49


def stacks() -> str:
    """Return the stack of each thread, under its name."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame))
        parts.append(f"{names.get(ident, f'thread {ident}')}\n{_RULE}\n{stack}{_RULE}")
    return "\n\n".join(parts)
