"""`celery.bin.celery`: the program, to which others add commands."""

import click

from ..cli import main, program

__all__ = ["celery", "main"]

celery = program

# Whoever looks at the program wants to see its commands, which otherwise are imported when used.
for _name in program.list_commands(click.Context(program)):
    _found = program.get_command(click.Context(program), _name)
    assert _found is not None
    program.commands.setdefault(_name, _found)
