"""`celery.execute`."""

from typing import Any

from ..library.current import current_app


def send_task(*args: Any, **kwargs: Any) -> Any:
    """Send a call by its task's name, with the current app."""
    return current_app.send_task(*args, **kwargs)
