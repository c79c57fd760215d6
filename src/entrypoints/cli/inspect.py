"""`celeriac inspect COMMAND`: look at workers. Exit code 69 if none answers."""

import click

from .options import GroupedCommand
from .remote import arguments_of, count_nodes, nobody_answered, remote_options, show, show_json
from .session import Session


@click.command(
    "inspect",
    cls=GroupedCommand,
    context_settings={"allow_extra_args": True},
    help="Look at workers: celeriac inspect active. See --list.",
)
@remote_options("inspect")
@click.pass_context
def command(
    ctx: click.Context, /, name: str, timeout: float, destination: list[str] | None, as_json: bool
) -> None:
    """Ask workers."""
    session: Session = ctx.obj
    app = session.app
    arguments = arguments_of("inspect", name, list(ctx.args))
    inspect = app.control.inspect(
        destination, timeout, None if as_json else lambda answer: show(session, answer)
    )
    answers = inspect._request(name, **arguments)
    if not answers:
        raise nobody_answered(timeout)
    if as_json:
        show_json(answers)
    else:
        count_nodes(session, len(answers))
