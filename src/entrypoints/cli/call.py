"""`celeriac call`: send a task by name and print its id."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import click

from .options import GroupedCommand, option
from .session import Session

CALLING: Final = "Calling Options"
ROUTING: Final = "Routing Options"


class Json(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """JSON of one kind."""

    def __init__(self, kind: type, name: str, example: str) -> None:
        """Take values of this kind."""
        self.kind, self.name, self.example = kind, name, example

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Decode; refuse anything else."""
        if isinstance(value, self.kind):
            return value
        try:
            found = json.loads(value)
        except ValueError as broken:
            self.fail(f"{value!r} is not JSON ({broken}); expected a {self.name} as {self.example}")
        if not isinstance(found, self.kind):
            self.fail(f"{value!r} is no {self.name}; expected one as {self.example}")
        return found


class Moment(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time in ISO 8601, in UTC unless it says otherwise; or, where allowed, seconds from now."""

    name = "iso 8601"

    def __init__(self, *, seconds: bool = False) -> None:
        """Take seconds as well, or not."""
        self.seconds = seconds

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime | float:
        """Read it."""
        if isinstance(value, datetime | float):
            return value
        if self.seconds:
            try:
                return float(value)
            except ValueError:
                pass
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            more = " or seconds, as 90" if self.seconds else ""
            self.fail(f"{value!r} is no time; expected one as 2030-01-31T12:00:00Z{more}")
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command("call", cls=GroupedCommand, help="Send a task by name, and print its id.")
@click.argument("name")
@option(
    "-a",
    "--args",
    group=CALLING,
    type=Json(list, "JSON array", "'[2, 3]'"),
    default="[]",
    help="Positional arguments.",
)
@option(
    "-k",
    "--kwargs",
    group=CALLING,
    type=Json(dict, "JSON object", """'{"x": 2}'"""),
    default="{}",
    help="Keyword arguments.",
)
@option("--eta", group=CALLING, type=Moment(), help="Not before this time.")
@option("--countdown", group=CALLING, type=float, help="Not before so many seconds from now.")
@option("--expires", group=CALLING, type=Moment(seconds=True), help="Not after this.")
@option("--serializer", group=CALLING, default="json", show_default=True)
@option("--queue", group=ROUTING)
@option("--exchange", group=ROUTING)
@option("--routing-key", group=ROUTING)
@click.pass_obj
def command(session: Session, /, name: str, args: list[Any], kwargs: Any, **asked: Any) -> None:
    """Send a task."""
    options = {key: value for key, value in asked.items() if value is not None}
    result = session.app.send_task(name, args=args, kwargs=kwargs, **options)
    click.echo(result.id)
