"""`celeriac upgrade settings`: rewrite old names of settings in a file to today's."""

import shutil
from pathlib import Path
from typing import Final

import click

from ...domain.settings.rewriting import NAMESPACE, rewritten
from .options import GroupedCommand, option
from .program import CommandFailed
from .session import Session

GROUP: Final = "Upgrading Options"
BACKUP: Final = ".orig"


@click.group("upgrade", help="Bring a project's files up to date.")
def command() -> None:
    """See the commands below."""


@command.command("settings", cls=GroupedCommand)
@click.argument("filename", metavar="FILE")
@option("--django", group=GROUP, is_flag=True, help="Write names as Django projects have them.")
@option("--compat", group=GROUP, is_flag=True, help="The same: CELERY_TASK_SERIALIZER.")
@option("--no-backup", group=GROUP, is_flag=True, help="Keep no copy of the file as it was.")
@click.pass_obj
def settings(
    session: Session, /, filename: str, django: bool, compat: bool, no_backup: bool
) -> None:
    """Rewrite old names of settings in a file, CELERY_TASK_SERIALIZER as task_serializer.

    The file as it was is kept beside it, with .orig behind its name.
    """
    path = Path(filename)
    click.echo(f"processing {path}...", err=True)
    try:
        before = path.read_bytes().decode("utf-8")
        after = rewritten(before, prefix=NAMESPACE if django or compat else "")
        if after == before:
            session.say("Nothing to change: there is no old name of a setting in it.")
            return
        if not no_backup:
            backup = path.with_name(path.name + BACKUP)
            click.echo(f"writing backup to {backup}...", err=True)
            shutil.copy2(path, backup)
        path.write_bytes(after.encode("utf-8"))
    except OSError as error:
        raise CommandFailed(f"{error.filename or path}: {error.strerror}") from error
    except UnicodeDecodeError as broken:
        raise CommandFailed(f"{path} is no text in UTF-8: {broken}") from broken
    session.say("Changed. Look at the difference before you keep it.")
