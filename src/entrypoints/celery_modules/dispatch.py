"""`celery.utils.dispatch`."""

from ...application.signal import Signal

__all__ = ["Signal"]
