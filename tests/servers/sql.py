"""What PostgreSQL and MariaDB have in common: they are reached through SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from .server import Place, Unavailable

CONNECT_SECONDS = 5


def execute(url: str, *statements: str) -> None:
    """Run statements outside any transaction.

    Raises:
        Unavailable: the server cannot be reached or refuses.
    """
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise Unavailable(f"{_shown(url)}: {reason.splitlines()[0]}") from error
    except ImportError as error:
        raise Unavailable(f"its driver is missing ({error}); pip install '.[sql]'") from error


def make_database(url: str, name: str, drop: str) -> Place:
    """Make a database; `drop` is the statement that removes it."""
    execute(url, f"CREATE DATABASE {name}")
    place = make_url(url).set(database=name).render_as_string(hide_password=False)
    return Place(place, remove=lambda: execute(url, drop))


def _shown(url: str) -> str:
    parsed = make_url(url)
    where = f"{parsed.host or parsed.query.get('unix_socket') or 'its default'}"
    return f"{where}:{parsed.port}" if parsed.port else where
