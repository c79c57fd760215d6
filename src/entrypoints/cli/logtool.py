"""`celeriac logtool`: what the logs of workers say, counted and sifted."""

import sys
from collections.abc import Iterator, Sequence

import click

from .log_reading import FAILED, Audit, Entry, entries
from .options import GroupedCommand
from .program import CommandFailed

_files = click.argument("files", nargs=-1, metavar="[FILE]...")


@click.group(
    "logtool",
    help="""Count and sift what workers have logged, at level INFO.

    Reads files, or standard input: text of celeriac's workers and Celery's, and JSON.
    """,
)
def command() -> None:
    """See the commands below."""


@command.command("stats", cls=GroupedCommand)
@_files
def stats(files: Sequence[str]) -> None:
    """Count tasks: all that came in, and what they came to."""
    audit = _audit(files)
    click.echo("\nReport\n======")
    click.echo(f"Task total: {audit.received}")
    click.echo(f"Task errors: {audit.errors}")
    click.echo(f"Task success: {audit.succeeded}")
    click.echo(f"Task completed: {audit.completed}")
    click.echo("\nTasks\n=====")
    for name, count in sorted(audit.tasks.items(), key=lambda pair: (-pair[1], pair[0])):
        click.echo(f"{name}: {count}")


@command.command("traces", cls=GroupedCommand)
@_files
def traces(files: Sequence[str]) -> None:
    """Print the tracebacks of tasks that failed."""
    for entry in _entries(files):
        if entry.trace:
            click.echo(entry.trace)


@command.command("errors", cls=GroupedCommand)
@_files
def errors(files: Sequence[str]) -> None:
    """Print the lines of tasks that failed, without tracebacks."""
    for entry in _entries(files):
        if entry.what == FAILED:
            click.echo(entry.lines[0])


@command.command("incomplete", cls=GroupedCommand)
@_files
def incomplete(files: Sequence[str]) -> None:
    """Print the lines by which tasks came in that did not come to an end."""
    for entry in _audit(files).waiting.values():
        click.echo(entry.text)


@command.command("debug", cls=GroupedCommand)
@_files
def debug(files: Sequence[str]) -> None:
    """Print all that is not about what became of tasks."""
    for entry in _entries(files):
        if not entry.what:
            click.echo(entry.text)


def _audit(files: Sequence[str]) -> Audit:
    audit = Audit()
    for entry in _entries(files):
        audit.add(entry)
    return audit


def _entries(files: Sequence[str]) -> Iterator[Entry]:
    for file in files or ("-",):
        try:
            if file == "-":
                yield from entries(sys.stdin)
                continue
            with open(file, encoding="utf-8", errors="replace") as lines:
                yield from entries(lines)
        except OSError as error:
            raise CommandFailed(f"{file}: {error.strerror}") from error
