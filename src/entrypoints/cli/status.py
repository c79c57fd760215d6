"""`celeriac status`: ask all workers whether they are there. Exit code 69 if none answers."""

import sys
from typing import Any, Final

import click

from ..web.self_check import check
from .options import CommaSeparated, GroupedCommand, option
from .remote import count_nodes, nobody_answered, show_json
from .session import Session

GROUP: Final = "Remote Control Options"


@click.command("status", cls=GroupedCommand, help="Ask all workers whether they are there.")
@option("-t", "--timeout", group=GROUP, type=float, default=1.0, show_default=True)
@option("-d", "--destination", group=GROUP, type=CommaSeparated(), help="Ask only these nodes.")
@option(
    "--self",
    "myself",
    group=GROUP,
    is_flag=True,
    help="Ask the worker of this machine by its socket, as probes do; no broker is used.",
)
@option("--live", group=GROUP, is_flag=True, help="With --self: it need not be ready, but alive.")
@option("-j", "--json", "as_json", group=GROUP, is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    session: Session,
    /,
    timeout: float,
    destination: list[str] | None,
    myself: bool,
    live: bool,
    as_json: bool,
) -> None:
    """Ask workers."""
    if myself:
        node = destination[0] if destination else None
        sys.exit(check(node, live=live, as_json=as_json))
    if live:
        raise click.UsageError("--live goes with --self only")
    answers: dict[str, Any] = {}
    for answer in session.app.control.ping(destination=destination, timeout=timeout):
        answers.update(answer)
    if not answers:
        raise nobody_answered(timeout)
    if as_json:
        show_json(answers)
        return
    for node in sorted(answers):
        click.echo(f"{node}: OK")
    count_nodes(session, len(answers))
