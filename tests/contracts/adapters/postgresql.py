"""The SQL adapters on PostgreSQL: one schema for each test."""

from __future__ import annotations

from .rooms import Room
from .sql import ServerPlace


class PostgresqlSchema(Room):
    made = ("CREATE SCHEMA {0}",)
    dropped = "DROP SCHEMA {0} CASCADE"
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = '{0}'"
    hurried = "SET LOCAL lock_timeout = '5s'"

    def within(self, url):
        return url.update_query_dict({"options": f"-csearch_path={self.name}"})


class PostgresqlPlace(ServerPlace):
    servers = ("postgresql",)
    room_kind = PostgresqlSchema
