"""PostgreSQL for tests."""

from __future__ import annotations

import getpass
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Den, find_binary, free_port
from .server import Running, Server, Unavailable
from .sql import execute, make_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .server import Place


class PostgreSQL(Server):
    """Debian keeps its binaries off the PATH, one folder a version."""

    name = "postgresql"
    packages = ("postgresql",)
    compose_port = 5432

    def check(self, url: str) -> None:
        """Ask whether we may create databases."""
        execute(
            url,
            # Division by zero is the shortest way to make a plain SELECT fail.
            "SELECT 1 / count(*) FROM pg_roles"
            " WHERE rolname = current_user AND (rolcreatedb OR rolsuper)",
        )

    def local_urls(self) -> Sequence[str]:
        """Roles that usually need no password, and what libpq makes of the PG* variables."""
        roles = dict.fromkeys(["postgres", "root", getpass.getuser()])
        urls = [f"postgresql+psycopg://{role}@127.0.0.1:5432/postgres" for role in roles]
        libpq = "postgresql+psycopg://"
        chosen = any(name in os.environ for name in ("PGHOST", "PGUSER", "PGSERVICE"))
        return [libpq, *urls] if chosen else [*urls, libpq]

    def start(self) -> Running:
        """Initialise a cluster without fsync: it lives no longer than the session."""
        folders = _debian_folders()
        initdb = find_binary("initdb", folders=folders)
        postgres = find_binary("postgres", folders=folders)
        den = Den.dig("postgresql", "postgres")
        data, port = str(den.folder / "data"), free_port()
        try:
            den.run([initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"])
            settings = {
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": str(den.folder),
                "max_connections": "200",
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
            }
            options = [word for item in settings.items() for word in ("-c", "=".join(item))]
            # SIGINT is its "fast" stop: it does not wait for clients.
            started = den.start(
                [postgres, "-D", data, "-p", str(port), *options], end=signal.SIGINT
            )
        except Unavailable:
            den.fill()
            raise
        return Running(
            f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
            "private",
            started.stop,
            started.check,
        )

    def compose_url(self, host: str, port: int) -> str:
        """The compose file trusts everybody."""
        return f"postgresql+psycopg://postgres@{host}:{port}/postgres"

    def make_place(self, url: str, name: str) -> Place:
        """Make a database, dropped with whatever still holds on to it."""
        return make_database(url, name, drop=f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _debian_folders() -> list[str]:
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    return [str(f) for f in sorted(folders, key=_version, reverse=True)]


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))
