"""`celeriac report`: versions, platform and settings, as bug reports need them; no secrets."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import click

from ... import __version__
from ..banner import broker_text, results_text
from .options import GroupedCommand
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac

#: What celeriac stands on, and what its adapters may use.
PACKAGES: Final = (
    *("billiard", "click", "dependency-injector", "sqlalchemy"),
    *("psycopg", "pymysql", "redis", "kombu", "pymongo", "boto3", "gevent", "eventlet"),
)


@click.command("report", cls=GroupedCommand, help="Print versions and settings for bug reports.")
@click.pass_obj
def command(session: Session, /) -> None:
    """Print the report."""
    for line in report(session.app):
        click.echo(line)


def report(app: "Celeriac") -> Iterator[str]:
    """Yield the lines of the report."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield f"celeriac  {__version__}"
    yield f"python    {platform.python_version()} ({platform.python_implementation()})"
    yield f"platform  {system}"
    yield f"packages  {', '.join(_packages())}"
    yield f"program   {sys.executable}"
    yield f"app       {app.main or 'default'}"
    yield f"broker    {broker_text(app)}"
    yield f"results   {results_text(app)}"
    yield ""
    yield "settings that differ from the defaults:"
    yield app.conf.humanize() or "none"


def _packages() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
