"""The SQL adapters on MariaDB or MySQL: one database for each test."""

from __future__ import annotations

import secrets

from sqlalchemy import create_engine, make_url, text

from .sql import SqlPlace


class MariadbPlace(SqlPlace):
    servers = ("mariadb",)

    @classmethod
    def make(cls, request):
        url = make_url(request.getfixturevalue("mariadb_url"))
        name = f"test_{secrets.token_hex(6)}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        place = cls(url.set(database=name).render_as_string(hide_password=False))
        place.admin, place.name = admin, name
        return place

    def close(self):
        super().close()
        with self.admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {self.name}"))
        self.admin.dispose()
