"""The program and its global options; which command lives in which module.

What must stay true: an error of ours ends in one line that says what to do, and in an exit code:
1 for what was asked wrongly, 2 for a wrong command line, 69 for a store that cannot be reached.
"""

import os
from importlib import import_module
from typing import Any, Final

import click

from ... import __version__
from ...domain.errors import BackendUnavailable, BrokerUnavailable, CeleriacError
from ..celery_names import install_as_celery
from .options import GroupedOptions, option
from .restart import remember_folder
from .session import Session

#: Exit code of a command whose broker or result store cannot be reached: sysexits' EX_UNAVAILABLE.
UNAVAILABLE: Final = 69
SERIES: Final = "tuber"

COMMANDS: Final = {
    "amqp": "Look at exchanges, queues and messages by hand.",
    "beat": "Run the scheduler of periodic tasks.",
    "call": "Send a task by name.",
    "control": "Tell workers to do something.",
    "events": "Print events as they happen.",
    "graph": "Print a worker's steps, or the cluster, for Graphviz.",
    "inspect": "Look at workers.",
    "list": "Print queues and their bindings.",
    "logtool": "Count and sift what workers have logged.",
    "migrate": "Copy or move waiting tasks to another broker.",
    "multi": "Start and stop several workers in the background.",
    "purge": "Delete what waits in queues.",
    "queues": "Show queues; pause and resume them, see to their dead letters.",
    "report": "Print versions and settings, as bug reports need them.",
    "result": "Print the result of a task.",
    "shell": "Run Python with the app and its tasks at hand.",
    "status": "Ask all workers whether they are there.",
    "upgrade": "Bring a project's files up to date.",
    "worker": "Run a worker.",
}


class CommandFailed(click.ClickException):
    """What a command could not do."""

    exit_code = 1


class StoreUnreachable(CommandFailed):
    """The broker or the result store does not answer."""

    exit_code = UNAVAILABLE


class Program(GroupedOptions, click.Group):
    """Finds commands by name, in modules that are imported only then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module."""
        if cmd_name in COMMANDS:
            found = import_module(f"{__package__}.{cmd_name}").command
            assert isinstance(found, click.Command)
            return found
        found = super().get_command(ctx, cmd_name)
        if found is None and not cmd_name.startswith("-"):
            from .foreign import foreign_command  # for commands that are not ours only

            found = foreign_command(cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        from .foreign import foreign_commands

        others = {name: f"Of {point.value}." for name, point in foreign_commands().items()}
        others |= {name: self.commands[name].get_short_help_str() for name in self.commands}
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**others, **COMMANDS}.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib  # for slips only

            near = difflib.get_close_matches(name, self.list_commands(ctx))
            question = f"; did you mean {' or '.join(near)}?" if near else ""
            known = ", ".join(self.list_commands(ctx))
            ctx.fail(f"no such command {name!r}{question} (commands: {known})")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn our errors into a line and an exit code."""
        try:
            return super().invoke(ctx)
        except (BrokerUnavailable, BackendUnavailable) as away:
            raise StoreUnreachable(_text(away)) from away
        except CeleriacError as error:
            raise CommandFailed(_text(error)) from error


def _text(error: BaseException) -> str:
    # A KeyError's text would be the repr of its message.
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    return str(error) or type(error).__name__


def _go_to(ctx: click.Context, param: click.Parameter, folder: str | None) -> None:
    if folder:
        import sys

        remember_folder()
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.BadParameter(f"cannot work in {folder!r}: {error.strerror}") from error
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())


def _take_names(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked:
        install_as_celery()


def _print_version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"{__version__} ({SERIES})")
        ctx.exit()


_GLOBAL: Final = "Global Options"


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help"]},
)
@option(
    "-A",
    "--app",
    group=_GLOBAL,
    envvar=["CELERIAC_APP", "APP"],
    metavar="MODULE[:APP]",
    help="The module that holds the app.",
)
@option("-b", "--broker", group=_GLOBAL, envvar="BROKER_URL", help="URL of the broker.")
@option("--result-backend", group=_GLOBAL, envvar="RESULT_BACKEND", help="URL of the results.")
@option("--loader", group=_GLOBAL, envvar="LOADER", help="Accepted for Celery's sake.")
@option("--config", group=_GLOBAL, envvar="CONFIG_MODULE", help="Module of settings.")
@option(
    "--workdir",
    group=_GLOBAL,
    is_eager=True,
    expose_value=False,
    callback=_go_to,
    metavar="FOLDER",
    help="Work in this folder.",
)
@option(
    "--as-celery",
    group=_GLOBAL,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_take_names,
    help="Let import celery mean celeriac, in the app's modules too.",
)
@option("-C", "--no-color", group=_GLOBAL, is_flag=True, help="Write without colour.")
@option("-q", "--quiet", group=_GLOBAL, is_flag=True, help="Say less.")
@option(
    "--version",
    group=_GLOBAL,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@option(
    "--skip-checks",
    group=_GLOBAL,
    is_flag=True,
    envvar="SKIP_CHECKS",
    help="Accepted for Django's sake.",
)
@click.pass_context
def program(
    ctx: click.Context,
    app: str | None,
    broker: str | None,
    result_backend: str | None,
    loader: str | None,
    config: str | None,
    no_color: bool,
    quiet: bool,
    skip_checks: bool,
) -> None:
    """A task queue: run workers, send tasks, look at what became of them.

    Every option is also read from a variable: CELERY_APP, CELERY_WORKER_CONCURRENCY, and so on.
    """
    session: Session = ctx.obj or Session()
    ctx.obj = session
    session.name, session.broker, session.result_backend = app, broker, result_backend
    session.config, session.quiet = config, quiet
    session.no_color = no_color or bool(os.environ.get("NO_COLOR"))
    if loader:
        os.environ["CELERY_LOADER"] = loader
        session.without_effect.append("--loader")
    if skip_checks:
        os.environ["CELERY_SKIP_CHECKS"] = "true"
    if session.given is not None:
        session.adopt(session.given)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
