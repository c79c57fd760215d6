"""kombu and py-amqp, imported at first use."""

from __future__ import annotations

from typing import Any

from ...domain.errors import MissingExtra


def kombu() -> Any:
    """Return kombu. Raises MissingExtra naming the extra."""
    try:
        import kombu as library
        import kombu.utils.url
    except ImportError as error:
        raise MissingExtra("amqp://…", "amqp", "kombu") from error
    return library


def amqp() -> Any:
    """Return py-amqp, which kombu brings along. Raises MissingExtra."""
    kombu()
    try:
        import amqp as library
        import amqp.basic_message
        import amqp.spec
    except ImportError as error:
        raise MissingExtra("amqp://…", "amqp", "py-amqp") from error
    return library
