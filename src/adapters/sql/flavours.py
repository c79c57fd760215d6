"""Which flavour serves a URL. Each is imported when it is wanted, and its driver with it."""

from __future__ import annotations

from sqlalchemy.engine import URL

from ...domain.errors import ImproperlyConfigured
from .flavour import Flavour


def flavour_of(url: URL) -> Flavour:
    """Choose what knows this kind of database."""
    match url.get_backend_name():
        case "sqlite":
            from .sqlite import SqliteFlavour

            return SqliteFlavour(url)
        case "postgresql":
            from .postgresql import PostgresqlFlavour

            return PostgresqlFlavour(url)
        case "mysql" | "mariadb":
            from .mysql import MysqlFlavour

            return MysqlFlavour(url)
        case other:
            raise ImproperlyConfigured(
                f"no SQL store for {other!r}; expected sqlite, postgresql, mysql or mariadb"
            )
