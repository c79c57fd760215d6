"""The forms of URL a store may be given, and the one form SQLAlchemy is given."""

from __future__ import annotations

from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...domain.errors import ImproperlyConfigured

_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}


def parse(url: str) -> URL:
    """Return the URL with the driver we use, whatever driver it names.

    `db+` and `sqla+` are Celery's marks of a result store and of a broker.
    """
    bare = url.removeprefix("db+").removeprefix("sqla+")
    scheme, separator, rest = bare.partition("://")
    backend = scheme.partition("+")[0]
    try:
        return make_url(f"{_DRIVERS.get(backend, scheme)}{separator}{rest}")
    except (ArgumentError, ValueError) as error:
        raise ImproperlyConfigured(
            f"the database URL that begins with {scheme[:20]!r} cannot be read; expected a form "
            "like sqlite:///file.db or postgresql://user:password@host/database"
        ) from error


def masked(url: URL) -> str:
    """Return the URL fit for banners and logs."""
    return url.render_as_string(hide_password=True)
