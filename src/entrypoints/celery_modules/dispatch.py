"""`celery.utils.dispatch`."""

from ...application.signal import Signal

__all__ = ["Signal"]

# What is below it is imported by this name.
__name__ = "celery.utils.dispatch"
