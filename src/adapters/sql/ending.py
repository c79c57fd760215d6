"""How a transaction ends, and what an error says about how it ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy.exc import DBAPIError

from .errors import Trouble
from .flavour import Flavour
from .transaction import Transaction


class CommitUnknown(Exception):
    """The connection was lost while a commit was under way."""


def commit(connection: Any, transaction: Transaction, flavour: Flavour) -> None:
    """Commit. Raises CommitUnknown where the connection broke and nobody can tell."""
    try:
        flavour.commit(connection, transaction)
    except Exception as error:
        roll_back(connection)
        if flavour.trouble(error) is Trouble.LOST:
            raise CommitUnknown(str(error)) from error
        raise


def roll_back(connection: Any) -> None:
    """Undo what was not committed."""
    # The connection may be gone, or nothing begun: then there is nothing to roll back.
    with suppress(Exception):
        connection.cursor().execute("ROLLBACK")


def driver_error(error: BaseException) -> BaseException:
    """Return what the driver said, without what was wrapped around it."""
    if isinstance(error, CommitUnknown) and error.__cause__ is not None:
        return error.__cause__
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error
