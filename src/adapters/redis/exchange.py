"""Commands and their answers on one connection, without what redis-py does around each.

A client of redis-py looks up callbacks, options and retries for every command, which takes longer
than the command. What is run thousands of times a second goes straight to a connection of its pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cluster_client import ClusterClient
from .connecting import driver


def exchange(client: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Send commands together; return an answer for each, errors of the server's among them.

    `client` is redis-py's for one server. Raises its ConnectionError or TimeoutError: some of the
    commands may have been carried out.
    """
    refused = driver().exceptions.ResponseError
    pool = client.connection_pool
    connection = pool.get_connection()
    answers: list[Any] = []
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except refused as error:
                answers.append(error)
    except BaseException:
        # An answer that is still to come would be taken for that of the next command.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    return answers


def ask(client: Any, *command: Any) -> Any:
    """Return the answer to one command. Raises as `exchange` does, and errors of the server's."""
    (answer,) = exchange(client, [command])
    if isinstance(answer, Exception):
        raise answer
    return answer


def read_many(client: Any, keys: Sequence[Any]) -> Any:
    """Return the values at these keys, by whatever client."""
    return client.mget(keys) if isinstance(client, ClusterClient) else ask(client, "MGET", *keys)
