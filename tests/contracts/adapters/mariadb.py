"""The SQL adapters on MariaDB or MySQL: one database for each test."""

from __future__ import annotations

from .rooms import Room
from .sql import ServerPlace


class MariadbDatabase(Room):
    made = ("CREATE DATABASE {0}",)
    dropped = "DROP DATABASE {0}"
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{0}'"
    hurried = "SET SESSION innodb_lock_wait_timeout = 5"

    def within(self, url):
        return url.set(database=self.name)


class MariadbPlace(ServerPlace):
    servers = ("mariadb",)
    room_kind = MariadbDatabase
