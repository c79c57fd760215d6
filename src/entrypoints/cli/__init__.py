"""The command line: `celeriac -A shop worker`, and the functions that start it.

One module a command. What must stay true: a command is imported only when it is used, so that
`celeriac call` does not pay for what `celeriac worker` needs.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .program import program
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac

__all__ = ["beat_main", "main", "program", "run", "worker_main"]

#: Every option is also read from a variable: CELERY_APP, CELERY_WORKER_CONCURRENCY, …
VARIABLES = "CELERY"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line of this process, and exit."""
    _run(Session(), list(sys.argv[1:] if argv is None else argv))


def run(app: "Celeriac", argv: Sequence[str]) -> None:
    """Run the command line for an app that is there already, and exit."""
    _run(Session(given=app), list(argv))


def worker_main() -> None:
    """Be `celeriac-worker`: global options and those of the worker, in any order."""
    main(_with_command("worker", sys.argv[1:]))


def beat_main() -> None:
    """Be `celeriac-beat`: global options and those of beat, in any order."""
    main(_with_command("beat", sys.argv[1:]))


def _run(session: Session, argv: list[str]) -> None:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    program.main(args=argv, prog_name="celeriac", auto_envvar_prefix=VARIABLES, obj=session)


def _with_command(name: str, argv: Sequence[str]) -> list[str]:
    """Put the command behind the global options, which may stand anywhere here."""
    takes_value = {flag for o in program.params for flag in o.opts if not getattr(o, "is_flag", 0)}
    own = {flag for option in program.params for flag in option.opts} - {"--help"}
    before: list[str] = []
    after: list[str] = []
    words = iter(argv)
    for word in words:
        # `--app=shop` and `-Ashop` hold their value; `--app shop` and `-A shop` do not.
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        if word == "--":
            after += [word, *words]
        elif flag not in own:
            after.append(word)
        else:
            before.append(word)
            if word in takes_value:
                before += [value for value in (next(words, None),) if value is not None]
    return [*before, name, *after]
