"""What `inspect` and `control` have in common: their options, arguments and how answers look."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

import click

from ...application.commands.panel import Info, Panel
from .options import CommaSeparated, GroupedCommand, option
from .program import UNAVAILABLE, CommandFailed
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac

GROUP: Final = "Remote Control Options"


class NobodyAnswered(CommandFailed):
    """No worker answered in time."""

    exit_code = UNAVAILABLE


def nobody_answered(timeout: float) -> NobodyAnswered:
    """Return the error of a question that nobody answered."""
    return NobodyAnswered(
        f"no worker answered within {timeout:g} s: is one running on this broker?"
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which nodes; `callback` is told of each answer when it comes."""

    name: str
    arguments: Mapping[str, Any]
    destination: list[str] | None
    timeout: float
    callback: Callable[[Mapping[str, Any]], object] | None


def remote_command(
    kind: str, ask: Callable[["Celeriac", Question], Any], *, about: str, counts: bool = False
) -> click.Command:
    """Return the command that asks workers, or tells them; `kind` is inspect or control.

    `ask` returns all answers, `about` is the help; `counts`: say at the end how many answered.
    """

    def command(
        ctx: click.Context,
        /,
        name: str,
        timeout: float,
        destination: list[str] | None,
        as_json: bool,
    ) -> None:
        session: Session = ctx.obj
        app = session.app
        arguments = arguments_of(kind, name, list(ctx.args))
        callback = None if as_json else partial(show, session)
        answers = ask(app, Question(name, arguments, destination, timeout, callback))
        if not answers:
            raise nobody_answered(timeout)
        if as_json:
            show_json(answers)
        elif counts:
            count_nodes(session, len(answers))

    declared = click.pass_context(command)
    for decorate in _options(kind):
        declared = decorate(declared)
    settings = {"allow_extra_args": True}
    return click.command(kind, cls=GroupedCommand, context_settings=settings, help=about)(declared)


def _options(kind: str) -> Iterator[Callable[..., Any]]:
    yield option("-j", "--json", "as_json", group=GROUP, is_flag=True, help="Print JSON.")
    yield option(
        "-d", "--destination", group=GROUP, type=CommaSeparated(), help="Ask only these nodes."
    )
    yield option(
        "-t",
        "--timeout",
        group=GROUP,
        type=float,
        default=1.0,
        show_default=True,
        help="Seconds to wait for answers.",
    )
    yield click.option(
        "--list",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_lister(kind),
        help=f"List the {kind} commands and exit.",
    )
    yield click.argument("name", metavar="COMMAND")


def commands_of(kind: str) -> dict[str, Info]:
    """Return what is known of the visible commands of a kind."""
    from ...application import commands as built_in  # fills the panel

    del built_in
    known = (
        (name, info) for name, info in Panel.meta.items() if info.type == kind and info.visible
    )
    return dict(sorted(known))


def arguments_of(kind: str, name: str, words: list[str]) -> dict[str, Any]:
    """Return what the words behind a command mean. Raises UsageError."""
    known = commands_of(kind)
    if name not in known:
        raise click.UsageError(f"no such {kind} command {name!r} (commands: {', '.join(known)})")
    info = known[name]
    named = list(info.args or ())
    arguments: dict[str, Any] = {}
    for (argument, convert), word in zip(named, words, strict=False):
        try:
            arguments[argument] = convert(word)
        except ValueError as wrong:
            raise click.UsageError(f"{kind} {name}: {argument}={word!r}: {wrong}") from wrong
    rest = words[len(named) :]
    if info.variadic:
        arguments[info.variadic] = rest
    elif rest:
        raise click.UsageError(
            f"{kind} {name} takes {info.signature or 'no arguments'}: "
            f"{' '.join(rest)!r} is too much"
        )
    return arguments


def show(session: Session, answer: Mapping[str, Any]) -> None:
    """Print the answers of one message."""
    for node, said in answer.items():
        status, body = _pretty(said)
        arrow = "" if session.quiet else f"{_styled(session, '->', bold=True)} "
        click.echo(f"{arrow} {_styled(session, f'{node}:', fg='cyan', bold=True)} {status}")
        if body:
            click.echo(textwrap.indent(body, "    "))


def show_json(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value))


def count_nodes(session: Session, count: int) -> None:
    """Say how many answered."""
    session.say(f"\n{count} {'node' if count == 1 else 'nodes'} online.")


def _pretty(said: Any) -> tuple[str, str]:
    match said:
        case list():
            return "OK", "\n".join(f"* {item}" for item in said) or "- empty -"
        case {"ok": value}:
            return "OK", textwrap.indent(_pretty(value)[1], "    ")
        case {"error": value}:
            return "ERROR", textwrap.indent(_pretty(value)[1], "    ")
        case dict():
            return "OK", json.dumps(said, sort_keys=True, indent=4)
        case str():
            return "OK", said
        case _:
            return "OK", pformat(said)


def _styled(session: Session, text: str, **style: Any) -> str:
    return text if session.no_color else click.style(text, **style)


def _lister(kind: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def list_commands(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
        if not asked or ctx.resilient_parsing:
            return
        formatter = ctx.make_formatter()
        with formatter.section(f"{kind.capitalize()} Commands"):
            formatter.write_dl(
                [
                    (f"{name} {info.signature or ''}".rstrip(), info.help)
                    for name, info in commands_of(kind).items()
                ]
            )
        click.echo(formatter.getvalue(), nl=False)
        ctx.exit()

    return list_commands
