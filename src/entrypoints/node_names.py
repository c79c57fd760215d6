"""Names of nodes: `name@host`, with Celery's abbreviations."""

from collections.abc import Mapping
from typing import Final

DEFAULT_NAME: Final = "celeriac"


def node_name(asked: str | None, host: str) -> str:
    """Return the full name: `%h` is the host, `%n` its first part, `%d` the rest, `%%` a `%`."""
    first, _, domain = host.partition(".")
    marks = {"%h": host, "%n": first, "%d": domain, "%i": "0", "%I": "", "%%": "%"}
    text = filled(asked or f"{DEFAULT_NAME}@%h", marks)
    return text if "@" in text else f"{text}@{host}"


def filled(template: str, marks: Mapping[str, str]) -> str:
    """Put values in place of two-letter marks, each place looked at once; others are kept."""
    pieces: list[str] = []
    at = 0
    while at < len(template):
        mark = template[at : at + 2]
        pieces.append(marks.get(mark, template[at]))
        at += 2 if mark in marks else 1
    return "".join(pieces)
