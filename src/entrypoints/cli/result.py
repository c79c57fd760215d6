"""`celeriac result`: wait for the result of a task and print it.

Exit code 1 when the task failed; its traceback is printed then, to standard error.
"""

from typing import TYPE_CHECKING, Any, Final

import click

from ...domain.errors import TimeoutError as NotInTime
from .options import GroupedCommand, option
from .program import CommandFailed
from .session import Session

if TYPE_CHECKING:
    from ..library.results import AsyncResult

GROUP: Final = "Result Options"


@click.command("result", cls=GroupedCommand, help="Wait for the result of a task and print it.")
@click.argument("task_id")
@option("-t", "--task", group=GROUP, help="Name of the task. Not needed.")
@option("--traceback", group=GROUP, is_flag=True, help="Print the traceback of a failed task.")
@option("--timeout", group=GROUP, type=float, metavar="SECONDS", help="Wait no longer.")
@click.pass_obj
def command(
    session: Session, /, task_id: str, task: str | None, traceback: bool, timeout: float | None
) -> None:
    """Print a result."""
    result = session.app.AsyncResult(task_id)
    try:
        value = result.get(timeout=timeout, propagate=False)
    except NotInTime as late:
        raise CommandFailed(str(late)) from late
    if traceback:
        click.echo(result.traceback)
    elif result.successful():
        click.echo(value)
    else:
        _fail(result, value)


def _fail(result: "AsyncResult[Any]", value: Any) -> None:
    if result.traceback:
        click.echo(result.traceback.rstrip(), err=True)
    raise CommandFailed(f"task {result.id} ended as {result.state}: {value!r}")
