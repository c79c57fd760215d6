"""Writes that count only when replicas have them: Redis answers before it has told its replicas.

What must stay true: whoever is told that a write failed to reach them knows that it may stand
nevertheless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...domain.errors import BrokerUnavailable, ImproperlyConfigured
from .connecting import driver
from .store import Script

#: How much of a socket's patience the server may take for its replicas.
_SHARE: Final = 0.8


def copies_of(options: Mapping[str, Any], *, clustered: bool) -> int:
    """Return how many replicas must have what is published. Raises ImproperlyConfigured."""
    asked = options.get("wait_for_replicas") or 0
    if type(asked) is not int or asked < 0:
        raise ImproperlyConfigured(
            f"transport option wait_for_replicas={asked!r}: expected a number of replicas"
        )
    if asked and clustered:
        raise ImproperlyConfigured(
            f"transport option wait_for_replicas={asked}: it cannot be kept in a Redis Cluster, "
            "leave it out"
        )
    return asked


def run_confirmed(
    client: Any, script: Script, keys: Sequence[str], arguments: Sequence[Any], copies: int
) -> None:
    """Run a script and wait until so many replicas have what it wrote.

    Raises BrokerUnavailable where fewer had it in time.
    """
    patience = int(client.connection_pool.connection_kwargs["socket_timeout"] * _SHARE * 1000)
    answer: Any = None
    reached: Any = None
    for how, what in (("EVALSHA", script.digest), ("EVAL", script.text)):
        with client.pipeline(transaction=False) as steps:
            steps.execute_command(how, what, len(keys), *keys, *arguments)
            steps.execute_command("WAIT", copies, patience)
            answer, reached = steps.execute(raise_on_error=False)
        if not isinstance(answer, driver().exceptions.NoScriptError):
            break
    for said in (answer, reached):
        if isinstance(said, Exception):
            raise said
    if reached < copies:
        raise BrokerUnavailable(
            f"what was published has reached {reached} replicas, and wait_for_replicas asks for "
            f"{copies}: it is stored, and lost if the primary is; publishing again may double it"
        )
