"""Commands as Redis reads them.

redis-py has hiredis write them, whose buffer grows argument by argument: a thousand messages in
one command take eight times as long as when they are joined.
"""

from __future__ import annotations

from typing import Any


class Packer:
    """What redis-py's connections write commands with."""

    def pack(self, *arguments: Any) -> list[bytes]:
        """Return a command as one piece. Raises redis-py's DataError for what is no argument."""
        name, *rest = arguments
        # As redis-py has it: a command's name may be two words, such as CONFIG GET.
        words = name.split()
        parts = [b"*%d\r\n" % (len(words) + len(rest))]
        for value in (*words, *rest):
            data = value if type(value) is bytes else _bytes(value)
            parts += (b"$%d\r\n" % len(data), data, b"\r\n")
        return [b"".join(parts)]


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    from redis.exceptions import DataError  # whoever packs has it

    raise DataError(
        f"{value!r:.100} is no argument of a command: expected bytes, a text or a number"
    )
