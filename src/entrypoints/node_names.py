"""Names of nodes: `name@host`, with Celery's abbreviations."""

from typing import Final

DEFAULT_NAME: Final = "celeriac"


def node_name(asked: str | None, host: str) -> str:
    """Return the full name: `%h` the host, `%n` its first part, `%d` the rest, `%%` a percent."""
    text = asked or f"{DEFAULT_NAME}@%h"
    first, _, domain = host.partition(".")
    for mark, value in (("%h", host), ("%n", first), ("%d", domain), ("%i", "0"), ("%I", "")):
        text = text.replace(mark, value)
    text = text.replace("%%", "%")
    return text if "@" in text else f"{text}@{host}"
