"""`celery.worker.request`."""

from typing import Any

from ...application.requests import Request
from ...domain.errors import NotSupported

__all__ = ["Request", "create_request_cls"]


def create_request_cls(
    base: Any, task: Any, pool: Any, hostname: str, eventer: Any, *args: Any, **kwargs: Any
) -> Any:
    """Refuse: its class would bring messages to the pool. Raises NotSupported."""
    raise NotSupported(
        f"{getattr(task, 'name', task)}: requests do not bring themselves to the pool here, the "
        "worker does; set Task.Request to a class derived from celery.worker.request.Request, and "
        "it is told what happens to each message (on_accepted, on_success, on_failure, …)"
    )
