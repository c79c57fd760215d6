"""`celeriac queues`: look at queues, hold them back, and see to their dead letters."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from ...domain.errors import NotSupported
from .options import CommaSeparated, GroupedCommand, option
from .program import CommandFailed
from .session import Session

if TYPE_CHECKING:
    from ...domain.messaging.delivery import DeadMessage
    from ..library.app import Celeriac

GROUP: Final = "Queues Options"
#: Dead letters that are counted; of more, it is said that there are more.
COUNTED: Final = 1000


@click.group(
    "queues",
    invoke_without_command=True,
    help="""Show queues: what waits, whether they are paused, and their dead letters.

    Without a command: list the app's queues, or those of -Q.
    """,
)
@option("-Q", "--queues", group=GROUP, type=CommaSeparated(), help="Only these queues.")
@option("-j", "--json", "as_json", group=GROUP, is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, /, queues: list[str] | None, as_json: bool) -> None:
    """List queues, unless a command says otherwise."""
    if ctx.invoked_subcommand is not None:
        return
    session: Session = ctx.obj
    rows = _rows(session.app, queues)
    if as_json:
        click.echo(json.dumps(rows))
        return
    header = ("queue", "waiting", "paused", "dead")
    table = [header, *(tuple(_shown(row[name], name) for name in header) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))


@command.command("pause", cls=GroupedCommand)
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def pause(session: Session, /, names: Sequence[str]) -> None:
    """Let no worker take tasks from queues until they are resumed.

    What is running goes on. A pause outlasts restarts of workers and of the store.
    """
    _refuse_where_impossible(session.app, "pause")
    for name in names:
        session.app.broker.pause(name)
        session.say(f"{name} is paused.")


@command.command("resume", cls=GroupedCommand)
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def resume(session: Session, /, names: Sequence[str]) -> None:
    """Let workers take tasks from queues again."""
    _refuse_where_impossible(session.app, "pause")
    for name in names:
        session.app.broker.resume(name)
        session.say(f"{name} is resumed.")


@command.command("dead", cls=GroupedCommand)
@click.argument("name")
@option("--revive", group=GROUP, is_flag=True, help="Put them back at the end of the queue.")
@option("--limit", group=GROUP, type=click.IntRange(1), default=100, help="How many at most.")
@option("--tag", "tags", group=GROUP, multiple=True, help="Only this one; may be repeated.")
@option("-j", "--json", "as_json", group=GROUP, is_flag=True, help="Print JSON.")
@click.pass_obj
def dead(
    session: Session, /, name: str, revive: bool, limit: int, tags: Sequence[str], as_json: bool
) -> None:
    """Show the dead letters of a queue, newest first, or put them back."""
    _refuse_where_impossible(session.app, "dead_letters")
    broker = session.app.broker
    # Those asked for by tag may be older than the newest.
    found = broker.dead(name, COUNTED if tags else limit)
    letters = [one for one in found if not tags or str(one.tag) in tags][:limit]
    missing = set(tags) - {str(one.tag) for one in letters}
    if missing:
        raise CommandFailed(
            f"{name} has no dead letter {', '.join(sorted(missing))} among its newest {COUNTED}: "
            f"celeriac queues dead {name} lists them"
        )
    if revive:
        count = broker.revive(name, [one.tag for one in letters]) if letters else 0
        session.say(f"Revived {count} dead {'letter' if count == 1 else 'letters'} of {name}.")
    elif as_json:
        click.echo(json.dumps([_described(one) for one in letters]))
    elif not letters:
        session.say(f"{name} has no dead letters.")
    else:
        for one in letters:
            row = _described(one)
            click.echo(
                f"{row['tag']}  {row['died_at']}  {row['task']}[{row['id']}]  {row['reason']}"
            )
            click.echo(f"    {row['detail']}")


def _rows(app: "Celeriac", asked: Sequence[str] | None) -> list[dict[str, Any]]:
    router, broker = app.container.router(), app.broker
    names = list(dict.fromkeys(asked or sorted({*router.queues, router.defaults.queue})))
    depth, paused = broker.depth(names), broker.paused(names)
    counts = broker.capabilities.dead_letters
    return [
        {
            "queue": name,
            "waiting": depth.get(name, 0),
            "paused": name in paused,
            "dead": len(broker.dead(name, COUNTED)) if counts else None,
        }
        for name in names
    ]


def _shown(value: object, column: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return f"{COUNTED}+" if column == "dead" and value == COUNTED else str(value)


def _described(letter: "DeadMessage") -> dict[str, Any]:
    message = letter.message
    return {
        "tag": letter.tag,
        "died_at": datetime.fromtimestamp(letter.died_at, UTC).isoformat(timespec="seconds"),
        "task": message.task if message else "?",
        "id": message.id if message else "?",
        "reason": letter.reason,
        "detail": letter.detail,
    }


def _refuse_where_impossible(app: "Celeriac", what: str) -> None:
    if not getattr(app.broker.capabilities, what):
        said = {"pause": "pause queues", "dead_letters": "keep dead letters"}[what]
        raise NotSupported(
            f"{app.broker.url} cannot {said}; brokers on Redis and SQL databases can"
        )
