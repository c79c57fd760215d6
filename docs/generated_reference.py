"""The parts of the reference that are made from the code at each build, so that they cannot drift.

A page asks for one by a line such as `<!-- generated: settings -->`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from celeriac.domain.settings.convert import expected
from celeriac.domain.settings.descriptions import Option, described
from celeriac.domain.settings.options import CHOICES, FOLLOWS

_SOURCE: Final = Path(__file__).parents[1] / "src"

#: What the prefix of a setting's name is about; a prefix not named here stands for itself.
_GROUPS: Final = {
    "": "General",
    "task": "Tasks and routing",
    "worker": "Workers",
    "beat": "Beat",
    "broker": "Broker",
    "result": "Results",
    "database": "SQL result stores",
    "control": "Remote control",
    "event": "Events",
    "events": "The events command",
    "security": "Signed messages",
}
#: Names that the code puts together, and how it reads them then.
_COMPOSED: Final = {
    re.compile(
        "(worker|beat|events)_(logfile|pidfile|uid|gid|umask|executable)"
    ): 'conf.get(f"{command}_{name}")',
    re.compile(
        "(control|event)_queue_(ttl|expires|exclusive|durable)"
    ): 'settings.get(f"{begin}_{name}", ...)',
}
#: Settings that say how Celery does what is done otherwise here, and how that is.
MEANINGLESS: Final = {
    "broker_channel_error_retry": "errors of channels are met as those of connections are: what "
    "was asked is tried again",
    "broker_heartbeat_checkrate": "connections are looked at every second",
    "broker_pool_acquire_timeout": "there is no pool to wait for, and publishing has a deadline "
    "(`broker_publish_timeout`)",
    "broker_pool_limit": "threads share what connections a process has: on RabbitMQ one to "
    "consume by, one to publish by, and one to listen by",
    "database_short_lived_sessions": "there are no sessions: each operation borrows a connection",
    "redis_retry_on_timeout": "a command without an answer may have been carried out: only who "
    "knows that it may be repeated repeats it",
    "result_cache_max": "a result object remembers what it was told, and nothing else is cached",
    "result_chord_join_timeout": "a chord's body is called with values that are there: nothing is "
    "waited for",
    "result_exchange": "`rpc://` publishes to the queue of who asked, as Celery's does",
    "result_exchange_type": "`rpc://` publishes to the queue of who asked, as Celery's does",
    "task_remote_tracebacks": "the worker's traceback always comes along, as the cause of what "
    "`get` raises",
    "worker_cancel_long_running_tasks_on_connection_loss": "a run goes on when its connection is "
    "lost; where claims or starts are recorded it is not begun beside itself "
    "([what is guaranteed](../explanation/guarantees.md))",
    "worker_detect_quorum_queues": "prefetch is counted for each consumer, never globally, so that "
    "every kind of queue takes it",
    "worker_enable_prefetch_count_reduction": "after a lost connection what runs keeps its slots, "
    "and no more is claimed than there is room for",
    "worker_eta_task_limit": "tasks that are not due wait in the broker, not in a worker",
    "worker_lost_wait": "a child's last words are read before it is declared lost, so that there "
    "is nothing to wait for",
    "worker_pool_putlocks": "the pool is given what it has free slots for; tasks of milliseconds "
    "may share one",
    "worker_proc_alive_timeout": "a new child may take its time; after one that died at birth the "
    "next is tried within 0.25 to 30 s",
    "worker_timer": "tasks that are not due wait in the broker; the timer of boot steps is our own",
    "worker_timer_precision": "the timer of boot steps sleeps until its next call is due",
}
_GENERAL: Final = frozenset(
    "accept_content enable_utc imports include timezone override_backends".split()
)


def fill_in(text: str) -> str:
    """Replace each request in a page by what it asks for."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda found: _PARTS[found[1]](), text)


# -- settings


def _settings() -> str:
    options = sorted(described(), key=lambda option: _order(_prefix(option)))
    parts = []
    for prefix, group in groupby(options, key=_prefix):
        rows = [_row(option) for option in group]
        head = "| setting | default | takes | what it says | in use |\n|---|---|---|---|---|"
        parts.append("\n".join([f"## {_GROUPS.get(prefix, prefix.capitalize())}\n", head, *rows]))
    return "\n\n".join(parts)


def _prefix(option: Option) -> str:
    return "" if option.name in _GENERAL else option.name.partition("_")[0]


def _order(prefix: str) -> tuple[int, str]:
    known = list(_GROUPS)
    return (known.index(prefix), "") if prefix in known else (len(known), prefix)


def _row(option: Option) -> str:
    old = f"<br>old: `{option.old_name}`" if option.old_name else ""
    takes = expected(option.name)
    if option.kind.endswith("?"):
        takes += ", or None"
    cells = [
        f"`{option.name}`{old}",
        _default(option),
        takes if option.name not in CHOICES else takes.replace("'", "`"),
        option.description,
        in_use(option.name),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(option: Option) -> str:
    if option.name in FOLLOWS:
        return f"that of `{FOLLOWS[option.name]}`"
    value = option.default
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return f"`{value!r}`"


def in_use(name: str) -> str:
    """What comes of a setting."""
    if name in MEANINGLESS:
        return f"means nothing here: {MEANINGLESS[name]}"
    return "yes" if is_read(name) else "not yet"


def is_read(name: str) -> bool:
    """Whether anything but the table of settings itself looks at a setting."""
    if any(one.fullmatch(name) and how in _code() for one, how in _COMPOSED.items()):
        return True
    return re.search(rf"[.\"']{name}\b", _code()) is not None


@cache
def _code() -> str:
    """All code that could read a setting; what only carries them all is left out."""
    carriers = ("domain/settings", "entrypoints/configuration")
    return "\n".join(
        path.read_text()
        for path in sorted(_SOURCE.rglob("*.py"))
        if not path.relative_to(_SOURCE).as_posix().startswith(carriers)
    )


# -- commands


def _commands() -> str:
    from celeriac.entrypoints.cli import main

    root = _group(main)
    with click.Context(root, info_name="celeriac") as context:
        parts = [_options(root, context)]
        for name, command in _subcommands(root, context):
            with click.Context(command, info_name=name, parent=context) as inner:
                parts.append(_command(command, inner))
    return "\n\n".join(parts)


def _group(main: Any) -> click.Group:
    if isinstance(main, click.Group):
        return main
    # The command line may be wrapped in a function; the group is its module's.
    import celeriac.entrypoints.cli as cli

    return next(value for value in vars(cli).values() if isinstance(value, click.Group))


def _subcommands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def _command(command: click.Command, context: click.Context) -> str:
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    about = re.sub(r"\s*\n\s*\n\s*", "\n\n", (command.help or "").strip())
    parts = [f"## {context.info_name}", f"```text\n{usage}\n```", about]
    if isinstance(command, click.Group):
        subs = [
            f"- `{name}`: {sub.get_short_help_str(200)}"
            for name, sub in _subcommands(command, context)
        ]
        parts.append("\n".join(subs))
    parts.append(_options(command, context))
    return "\n\n".join(part for part in parts if part)


def _options(command: click.Command, context: click.Context) -> str:
    records = filter(
        None, (param.get_help_record(context) for param in command.get_params(context))
    )
    rows = [f"| `{_cell(flags)}` | {_cell(text, escape=True)} |" for flags, text in records]
    return "\n".join(["| option | what it does |", "|---|---|", *rows]) if rows else ""


def _cell(text: str, *, escape: bool = False) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return re.sub(r"([\[\]<>*_])", r"\\\1", text) if escape else text


# -- remote control


def _remote_commands() -> str:
    from celeriac.application.commands import Panel

    rows = [
        " | ".join(
            ("", f"`{name}`", info.type, _quoted(info.signature), _quoted(info.alias), info.help)
        )
        for name, info in sorted(Panel.meta.items())
    ]
    head = "| command | kind | takes | also called | what it does |\n|---|---|---|---|---|"
    return "\n".join([head, *(f"{row} |".strip() for row in rows)])


def _quoted(text: str | None) -> str:
    return f"`{text}`".replace("|", "or") if text else ""


_PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": _settings,
    "commands": _commands,
    "remote_commands": _remote_commands,
}
