"""The timezone that settings name."""

from datetime import UTC, datetime, tzinfo
from typing import Any

from ...domain.errors import ImproperlyConfigured


def zone_of(setting: Any, *, utc: bool) -> tzinfo:
    """Return the zone of the setting `timezone`; without one UTC, or the host's zone."""
    if setting is None:
        return UTC if utc else (datetime.now().astimezone().tzinfo or UTC)
    if isinstance(setting, tzinfo):
        return setting
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most apps keep to UTC

    try:
        return ZoneInfo(setting)
    except (ZoneInfoNotFoundError, ValueError) as broken:
        raise ImproperlyConfigured(
            f"timezone={setting!r}: no such zone; expected a name such as 'Europe/Berlin'"
        ) from broken
