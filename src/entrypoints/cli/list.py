"""`celeriac list`: what leads where at the broker."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from .options import GroupedCommand
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac

WIDTH: Final = 28
RULE: Final = "-" * 16


@click.group("list", help="Print what is known of the broker.")
def command() -> None:
    """See the commands below."""


@command.command("bindings", cls=GroupedCommand)
@click.pass_obj
def bindings(session: Session, /) -> None:
    """Print which queues the app has, and the exchange and routing key that lead to each.

    They are those that its settings name, which every process of the app declares.
    """
    rows = [("Queue", "Exchange", "Routing Key"), (RULE, RULE, RULE), *_rows(session.app)]
    for queue, exchange, key in rows:
        click.echo(f"{queue.ljust(WIDTH)} {exchange.ljust(WIDTH)} {key}")


def _rows(app: "Celeriac") -> Iterator[tuple[str, str, str]]:
    router = app.container.router()
    for name in sorted({*router.queues, router.defaults.queue}):
        queue = router.queue(name)
        yield queue.name, queue.exchange.name, queue.routing_key or queue.name
