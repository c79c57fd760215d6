"""`celery.app.autoretry`: have a task retried by itself, after it was declared."""

from typing import Any, Final

__all__ = ["add_autoretry_behaviour"]

_OPTIONS: Final = (
    "autoretry_for",
    "dont_autoretry_for",
    "retry_kwargs",
    "retry_backoff",
    "retry_backoff_max",
    "retry_jitter",
)


def add_autoretry_behaviour(task: Any, **options: Any) -> None:
    """Set the options of a task that say when it is retried; all else is seen to as it runs."""
    for name in _OPTIONS:
        if name in options:
            setattr(task, name, options[name])
    task._resolved = None
