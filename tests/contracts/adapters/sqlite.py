"""The SQL adapters on SQLite: one file for each test."""

from __future__ import annotations

from .sql import SqlPlace


class SqlitePlace(SqlPlace):
    @classmethod
    def make(cls, request):
        return cls(f"sqlite:///{request.getfixturevalue('tmp_path') / 'celeriac.db'}")
