"""`celery.utils.iso8601`."""

from datetime import datetime


def parse_iso8601(datestring: str) -> datetime:
    """Return the time of a text in ISO 8601. Raises ValueError."""
    return datetime.fromisoformat(datestring)
