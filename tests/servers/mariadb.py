"""MariaDB, or MySQL where that is what is installed, for tests."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Den, find_binary, free_port
from .server import Running, Server, Unavailable
from .sql import execute, make_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .server import Place

SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")  # noqa: S108


class MariaDB(Server):
    """The trusted user is root without a password, by TCP or by socket."""

    name = "mariadb"
    packages = ("mariadb-server",)
    compose_port = 3306

    def check(self, url: str) -> None:
        """Ask whether we may create databases, by creating one."""
        name = "celeriac_test_probe"
        execute(url, f"CREATE DATABASE IF NOT EXISTS {name}", f"DROP DATABASE IF EXISTS {name}")

    def local_urls(self) -> Sequence[str]:
        """Root without a password, then whom the socket vouches for."""
        users = dict.fromkeys(["root", getpass.getuser()])
        sockets = [path for path in SOCKETS if Path(path).exists()]
        return [
            "mysql+pymysql://root@127.0.0.1:3306/",
            *(f"mysql+pymysql://{u}@localhost/?unix_socket={s}" for s in sockets for u in users),
        ]

    def start(self) -> Running:
        """Initialise a data folder whose durability ends with the session."""
        daemon = find_binary("mariadbd", "mysqld")
        den = Den.dig("mariadb", "mysql")
        data, port = str(den.folder / "data"), free_port()
        try:
            den.run(_initialise(daemon, data))
            started = den.start(
                [
                    daemon,
                    "--no-defaults",
                    f"--datadir={data}",
                    f"--port={port}",
                    "--bind-address=127.0.0.1",
                    f"--socket={den.folder / 'socket'}",
                    f"--pid-file={den.folder / 'pid'}",
                    "--max-connections=200",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--character-set-server=utf8mb4",
                ]
            )
        except Unavailable:
            den.fill()
            raise
        return Running(
            f"mysql+pymysql://root@127.0.0.1:{port}/", "private", started.stop, started.check
        )

    def compose_url(self, host: str, port: int) -> str:
        """The compose file's root has no password."""
        return f"mysql+pymysql://root@{host}:{port}/"

    def make_place(self, url: str, name: str) -> Place:
        """Make a database."""
        return make_database(url, name, drop=f"DROP DATABASE IF EXISTS {name}")


def _initialise(daemon: str, data: str) -> list[str]:
    if Path(daemon).name == "mysqld":
        return [daemon, "--no-defaults", "--initialize-insecure", f"--datadir={data}"]
    return [
        find_binary("mariadb-install-db", "mysql_install_db"),
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
