"""`celeriac control COMMAND`: tell workers to do something. Exit code 69 if none answers."""

import click

from .options import GroupedCommand
from .remote import arguments_of, nobody_answered, remote_options, show, show_json
from .session import Session


@click.command(
    "control",
    cls=GroupedCommand,
    context_settings={"allow_extra_args": True},
    help="Tell workers to do something: celeriac control rate_limit shop.add 10/m. See --list.",
)
@remote_options("control")
@click.pass_context
def command(
    ctx: click.Context, /, name: str, timeout: float, destination: list[str] | None, as_json: bool
) -> None:
    """Tell workers."""
    session: Session = ctx.obj
    app = session.app
    arguments = arguments_of("control", name, list(ctx.args))
    answers = app.control.broadcast(
        name,
        arguments,
        destination,
        reply=True,
        timeout=timeout,
        callback=None if as_json else lambda answer: show(session, answer),
    )
    if not answers:
        raise nobody_answered(timeout)
    if as_json:
        show_json(answers)
