"""`celeriac purge`: delete what waits in queues. What workers hold already is not touched."""

from typing import Final

import click

from .options import CommaSeparated, GroupedCommand, option
from .session import Session

GROUP: Final = "Purging Options"


@click.command(
    "purge",
    cls=GroupedCommand,
    context_settings={"allow_extra_args": True},
    help="Delete what waits in the app's queues. There is no undo.",
)
@option("-f", "--force", group=GROUP, is_flag=True, help="Do not ask.")
@option("-Q", "--queues", group=GROUP, type=CommaSeparated(), help="Only these queues.")
@option("-X", "--exclude-queues", group=GROUP, type=CommaSeparated(), help="Not these queues.")
@click.pass_context
def command(
    ctx: click.Context, /, force: bool, queues: list[str] | None, exclude_queues: list[str] | None
) -> None:
    """Delete messages."""
    session: Session = ctx.obj
    app = session.app
    if ctx.args:
        app.config_from_cmdline(ctx.args)
    router = app.container.router()
    names = queues or sorted({*router.queues, router.defaults.queue})
    chosen = [router.queue(name).name for name in names if name not in (exclude_queues or ())]
    if not chosen:
        raise click.UsageError("no queue is left to purge: -X excludes all of them")
    shown = ", ".join(chosen)
    if not force:
        click.confirm(f"Delete all messages that wait in {shown}? There is no undo.", abort=True)
    gone = app.broker.purge(chosen)
    session.say(f"Purged {gone} {'message' if gone == 1 else 'messages'} from {shown}.")
