"""`celeriac status`: ask all workers whether they are there. Exit code 69 if none answers."""

import json
from typing import Any, Final

import click

from .options import CommaSeparated, GroupedCommand, option
from .program import StoreUnreachable
from .session import Session

GROUP: Final = "Remote Control Options"


class NobodyAnswered(StoreUnreachable):
    """No worker answered in time; the exit code is that of an unreachable store."""


@click.command("status", cls=GroupedCommand, help="Ask all workers whether they are there.")
@option("-t", "--timeout", group=GROUP, type=float, default=1.0, show_default=True)
@option("-d", "--destination", group=GROUP, type=CommaSeparated(), help="Ask only these nodes.")
@option("-j", "--json", "as_json", group=GROUP, is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    session: Session, /, timeout: float, destination: list[str] | None, as_json: bool
) -> None:
    """Ask workers."""
    answers: dict[str, Any] = {}
    for answer in session.app.control.ping(destination=destination, timeout=timeout):
        answers.update(answer)
    if not answers:
        raise NobodyAnswered(
            f"no worker answered within {timeout:g} s: is one running on this broker?"
        )
    if as_json:
        click.echo(json.dumps(answers))
        return
    for node in sorted(answers):
        click.echo(f"{node}: OK")
    count = len(answers)
    session.say(f"\n{count} {'node' if count == 1 else 'nodes'} online.")
