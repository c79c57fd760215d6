"""Commands of other packages, such as Flower's: entry points of the group `celery.commands`.

They speak to Celery: where one is used, its names mean celeriac.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

from ..celery_names import install_as_celery

GROUPS: Final = ("celeriac.commands", "celery.commands")


def foreign_commands() -> dict[str, EntryPoint]:
    """Return where the commands of installed packages are, by name."""
    return {point.name: point for group in reversed(GROUPS) for point in entry_points(group=group)}


def foreign_command(name: str) -> click.Command | None:
    """Return the command of an installed package, if there is one. Raises click.ClickException."""
    point = foreign_commands().get(name)
    if point is None:
        return None
    install_as_celery()
    try:
        found = point.load()
    except Exception as broken:
        raise click.ClickException(
            f"command {name!r} of {point.dist.name if point.dist else point.value} cannot be "
            f"imported: {broken!r}"
        ) from broken
    if not isinstance(found, click.Command):
        raise click.ClickException(f"command {name!r}: {point.value} is no command of click's")
    return found
