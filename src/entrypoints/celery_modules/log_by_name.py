"""`celery.log`: logs of the current app, by the names of old."""

from typing import Any

from ..library.current import get_current


def get_default_logger(*args: Any, **kwargs: Any) -> Any:
    """Return a logger."""
    return get_current().log.get_default_logger(*args, **kwargs)


def setup_logging_subsystem(*args: Any, **kwargs: Any) -> Any:
    """Set up the root logger."""
    return get_current().log.setup_logging_subsystem(*args, **kwargs)


def redirect_stdouts_to_logger(*args: Any, **kwargs: Any) -> Any:
    """Log what is printed."""
    return get_current().log.redirect_stdouts_to_logger(*args, **kwargs)
