"""Column types that MySQL needs wider than others; its dialect is imported for it alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, LargeBinary, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_MYSQL = ("mysql", "mariadb")


class Blob(TypeDecorator[bytes]):
    """Bytes up to what the database holds: MySQL's BLOB ends at 64 KiB."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use LONGBLOB on MySQL."""
        if dialect.name not in _MYSQL:
            return dialect.type_descriptor(LargeBinary())
        from sqlalchemy.dialects.mysql import LONGBLOB

        return dialect.type_descriptor(LONGBLOB())


class LongText(TypeDecorator[str]):
    """Text up to what the database holds: MySQL's TEXT ends at 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use LONGTEXT on MySQL."""
        if dialect.name not in _MYSQL:
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.mysql import LONGTEXT

        return dialect.type_descriptor(LONGTEXT())


class Moment(TypeDecorator[datetime]):
    """A time with its microseconds, which MySQL drops unless told."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use DATETIME(6) on MySQL."""
        if dialect.name not in _MYSQL:
            return dialect.type_descriptor(DateTime())
        from sqlalchemy.dialects.mysql import DATETIME

        return dialect.type_descriptor(DATETIME(fsp=6))
