"""Jobs in child processes: the pool for tasks that compute, crash, leak or must be killed."""

from .pool import PreforkPool

__all__ = ["PreforkPool"]
