"""Options as the commands declare them: in groups, and global ones refused with a hint."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

#: Global options that people write behind the command.
GLOBAL_FLAGS: Final = (
    *("-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config"),
    *("--workdir", "-C", "--no-color", "-q", "--quiet", "--skip-checks"),
)

#: Where a context keeps the options of the app.
_USERS: Final = "celeriac.user_options"

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")


class GroupedOption(click.Option):
    """An option that stands in the help under the title of its group."""

    def __init__(self, *args: Any, help_group: str | None = None, **kwargs: Any) -> None:
        """Stand under this title."""
        super().__init__(*args, **kwargs)
        self.help_group = help_group


class GroupedOptions(click.Command):
    """Writes the options of its help in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section a group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                title = getattr(param, "help_group", None) or "Options"
                groups.setdefault(title, []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class GroupedCommand(GroupedOptions):
    """A command; says where global options belong, and takes those that users have added."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, with those of the app if it was asked."""
        return [*super().get_params(ctx), *ctx.meta.get(_USERS, ())]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; a global option is refused with a hint, one unknown looked for in the app."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as unknown:
            from .user_options import PRELOAD, declared

            if _USERS not in ctx.meta and unknown.option_name not in GLOBAL_FLAGS:
                ctx.meta[_USERS] = declared(ctx.obj.app, ctx.info_name, PRELOAD)
                if ctx.meta[_USERS]:
                    return self.parse_args(ctx, words)
            if unknown.option_name not in GLOBAL_FLAGS:
                raise
            raise click.UsageError(
                f"{unknown.option_name} is an option of celeriac itself and stands before the "
                f"command: celeriac {unknown.option_name} … {ctx.info_name}",
                ctx,
            ) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, with what users' own options say."""
        from .user_options import add_missing, hand_out_preloaded

        add_missing(ctx)
        hand_out_preloaded(ctx, self.callback)
        return super().invoke(ctx)


class Bounds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`MAX,MIN` or `MAX` alone: two numbers, the greater first whichever way they are written."""

    name = "MAX,MIN"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Split. Fails for what is not one or two whole numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = sorted((int(part) for part in value.split(",")), reverse=True)
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 2 or numbers[0] < 1 or numbers[-1] < 0:
            self.fail(f"{value!r}: expected MAX,MIN or MAX, such as 10,3", param, ctx)
        return numbers[0], numbers[1] if len(numbers) > 1 else 0


class CommaSeparated(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`a,b,c` as a list."""

    name = "comma separated list"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """Split at the commas."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return list(value)


def option(*flags: str, group: str, **kwargs: Any) -> Callable[[F], F]:
    """Declare an option in a group of the help."""
    return click.option(*flags, cls=GroupedOption, help_group=group, **kwargs)


def loglevel_option(group: str) -> Callable[[F], F]:
    """Declare -l."""
    return option(
        "-l",
        "--loglevel",
        group=group,
        type=click.Choice(LEVELS, case_sensitive=False),
        default="WARNING",
        show_default=True,
        help="How much is written to the log.",
    )


def log_format_option(group: str) -> Callable[[F], F]:
    """Declare --log-format."""
    return option(
        "--log-format",
        group=group,
        type=click.Choice(["text", "json"]),
        default=None,
        help="Lines for people, or one JSON object a line. Default: worker_log_format_style.",
    )
