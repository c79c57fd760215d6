"""`celery.worker.request`."""

from ...application.requests import Request

__all__ = ["Request"]
