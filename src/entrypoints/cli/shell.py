"""`celeriac shell`: Python with the app, its tasks and the words of work-flows at hand."""

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import click

from .options import GroupedCommand, option
from .program import CommandFailed
from .session import Session
from .starting import import_tasks

if TYPE_CHECKING:
    from ..library.app import Celeriac

logger = logging.getLogger("celeriac.shell")

GROUP: Final = "Shell Options"
#: What is there whatever the app holds.
WORDS: Final = (
    *("Task", "chain", "chord", "chunks", "group", "signature", "subtask", "xmap", "xstarmap"),
)
#: Prefix of the names of built-in tasks, which are left out.
BUILT_IN: Final = ("celery.", "celeriac.")


@click.command(
    "shell",
    cls=GroupedCommand,
    help="""Run Python with the app and its tasks at hand.

    There are: app, also as celery; Task, chain, chord, chunks, group, signature, subtask, xmap,
    xstarmap; and each task by the last part of its name. IPython is used if it is installed, else
    bpython, else Python's own.
    """,
)
@option("-I", "--ipython", group=GROUP, is_flag=True, help="Use IPython.")
@option("-B", "--bpython", group=GROUP, is_flag=True, help="Use bpython.")
@option("--python", group=GROUP, is_flag=True, help="Use Python's own.")
@option("-T", "--without-tasks", group=GROUP, is_flag=True, help="Leave the tasks out.")
@option("--eventlet", group=GROUP, is_flag=True, help="Patch the process for eventlet first.")
@option("--gevent", group=GROUP, is_flag=True, help="Patch the process for gevent first.")
@click.pass_obj
def command(
    session: Session,
    /,
    ipython: bool,
    bpython: bool,
    python: bool,
    without_tasks: bool,
    eventlet: bool,
    gevent: bool,
) -> None:
    """Run a shell."""
    asked = {"ipython": ipython, "bpython": bpython, "python": python}
    run = _shell([name for name, wanted in asked.items() if wanted])
    if eventlet or gevent:  # before the app is imported, so that it finds a patched world
        _patch("eventlet" if eventlet else "gevent")
    app = session.app
    import_tasks(app, (), logger)
    run(namespace(app, with_tasks=not without_tasks))


def namespace(app: "Celeriac", *, with_tasks: bool = True) -> dict[str, Any]:
    """Return what is at hand. A task gives way to a word of ours, and to the task before it."""
    words = import_module(f"{__name__.partition('.')[0]}.canvas")
    found: dict[str, Any] = {"app": app, "celery": app, "Task": app.Task}
    found |= {name: getattr(words, name) for name in WORDS if name != "Task"}
    if with_tasks:
        for name, task in sorted(app.tasks.items()):
            if not name.startswith(BUILT_IN):
                found.setdefault(name.rpartition(".")[2], task)
    return found


def _shell(asked: list[str]) -> Callable[[Mapping[str, Any]], None]:
    """Return what runs the shell that was asked for, or the best there is."""
    if len(asked) > 1:
        raise click.UsageError(f"--{' and --'.join(asked)}: expected one of them")
    there = [name for name, (module, _) in _SHELLS.items() if _is_there(module)]
    name = asked[0] if asked else there[0]
    if name not in there:
        raise CommandFailed(
            f"--{name}: {_SHELLS[name][0]} is not installed; here are: {', '.join(there)}"
        )
    return _SHELLS[name][1]


def _is_there(module: str) -> bool:
    return find_spec(module) is not None


def _run_ipython(names: Mapping[str, Any]) -> None:
    import_module("IPython").start_ipython(argv=[], user_ns=dict(names))


def _run_bpython(names: Mapping[str, Any]) -> None:
    import_module("bpython").embed(dict(names))


def _run_python(names: Mapping[str, Any]) -> None:
    import code

    own = dict(names)
    try:
        import readline
        import rlcompleter
    except ImportError:  # Python may have been built without it
        pass
    else:
        readline.set_completer(rlcompleter.Completer(own).complete)
        readline.parse_and_bind("tab:complete")
    code.interact(local=own)


_SHELLS: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], None]]]] = {
    "ipython": ("IPython", _run_ipython),
    "bpython": ("bpython", _run_bpython),
    "python": ("code", _run_python),
}


def _patch(name: str) -> None:
    try:
        if name == "gevent":
            import_module("gevent.monkey").patch_all()
        else:
            import_module("eventlet").monkey_patch()
    except ImportError as missing:
        raise CommandFailed(f"--{name}: {missing}; pip install {name}") from missing
