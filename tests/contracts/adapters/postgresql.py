"""The SQL adapters on PostgreSQL: one schema for each test."""

from __future__ import annotations

import secrets

from sqlalchemy import create_engine, make_url, text

from .sql import SqlPlace


class PostgresqlPlace(SqlPlace):
    servers = ("postgresql",)

    @classmethod
    def make(cls, request):
        url = request.getfixturevalue("postgresql_url")
        name = f"test_{secrets.token_hex(6)}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        place = cls(
            make_url(url)
            .update_query_dict({"options": f"-csearch_path={name}"})
            .render_as_string(hide_password=False)
        )
        place.admin, place.name = admin, name
        return place

    def close(self):
        super().close()
        with self.admin.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {self.name} CASCADE"))
        self.admin.dispose()
