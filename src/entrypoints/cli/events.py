"""`celeriac events`: show the cluster on a screen, print its events, or have a camera watch it."""

import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click

from ...domain.cluster.recent import Recent
from ...domain.errors import NotSupported
from ..logs import log_path
from ..node_names import node_name
from . import daemon as daemons
from .options import GroupedCommand, loglevel_option, option
from .restart import begin_as, was_restarted
from .session import Session

DUMPER: Final = "Dumper"
SNAPSHOT: Final = "Snapshot"

#: Tasks whose names are remembered.
_KEPT: Final = 4095
#: Said of a broker that is away: where it is, why, and what is done about it.
CONNECTION_ERROR: Final = "-> Cannot reach the broker at %s: %s. %s"
HUMAN_TYPES: Final = {
    "worker-offline": "shutdown",
    "worker-online": "started",
    "worker-heartbeat": "heartbeat",
}


@click.command("events", cls=GroupedCommand, help="Show what workers do, on a screen or as lines.")
@option("-d", "--dump", group=DUMPER, is_flag=True, help="Print each event as a line.")
@option("-c", "--camera", group=SNAPSHOT, help="Class of a camera, as module:name.")
@option(
    "-F",
    "--frequency",
    "--freq",
    group=SNAPSHOT,
    type=float,
    default=1.0,
    show_default=True,
    help="Seconds between two pictures.",
)
@option("-r", "--maxrate", group=SNAPSHOT, help="The most pictures there may be, such as 10/m.")
@option("--detach", group=SNAPSHOT, is_flag=True, help="Leave the terminal.")
@loglevel_option(SNAPSHOT)
@daemons.daemon_options
@click.pass_obj
def command(
    session: Session,
    /,
    dump: bool,
    camera: str | None,
    frequency: float,
    maxrate: str | None,
    loglevel: str,
    detach: bool,
    **asked: str | None,
) -> None:
    """Watch events."""
    if detach and not camera:
        raise click.UsageError("--detach goes with --camera only: who would see the lines?")
    daemon = daemons.Daemon.asked(asked).settled(session.app.conf, "events")
    node = node_name("celeryev@%h", socket.gethostname())
    if detach and not was_restarted():
        daemons.detach()
        begin_as(daemon.executable)
    daemons.take_identity(daemon)
    file = None if daemon.logfile is None else log_path(daemon.logfile, node, 0)
    logging.basicConfig(level=loglevel.upper(), filename=file)
    if daemon.pidfile is not None:
        signal.signal(signal.SIGTERM, _leave)  # so that the file goes too
    with daemons.pid_file(daemon, node), suppress(KeyboardInterrupt):
        if dump:
            _dump(session)
        elif camera:
            from ..library.snapshots import evcam

            click.echo(f"-> evcam: Taking snapshots with {camera} (every {frequency} secs.)")
            evcam(camera, frequency, maxrate, session.app)
        else:
            _show(session)


def _show(session: Session) -> None:
    try:
        from .screen import evtop  # curses is not everywhere
    except ImportError as missing:
        raise click.UsageError(
            f"this Python cannot show a screen ({missing}): use --dump or --camera"
        ) from missing
    try:
        evtop(session.app)
    except NotSupported as unable:
        raise click.UsageError(str(unable)) from unable


def _leave(signum: int, frame: Any) -> None:
    raise SystemExit(0)


def _dump(session: Session) -> None:
    evdump(session.app, click.echo)


def evdump(app: Any = None, out: Any = None) -> None:
    """Write the events of an app as lines, to a stream or by a function, until interrupted."""
    from ..library.current import get_current

    dumper = Dumper(out)
    dumper.say("-> evdump: starting capture...")
    with (app or get_current()).events.Receiver(handlers={"*": dumper.on_event}) as receiver:
        told: Any = receiver
        told.on_connection_error = partial(_say_away, dumper, receiver)
        receiver.capture()


def _say_away(dumper: "Dumper", receiver: Any, exc: Exception, interval: float) -> None:
    again = f"Trying again in {interval:g} s."
    dumper.say(CONNECTION_ERROR % (receiver.connection.as_uri(), exc, again))


def humanize_type(type: str) -> str:  # noqa: A002 - Celery's name
    """Return the type of an event in words: `worker-online` is `started`."""
    kind = type.lower()
    return HUMAN_TYPES.get(kind) or kind.replace("-", " ")


def _write(out: Any, text: str) -> None:
    stream = sys.stdout if out is None else out
    stream.write(f"{text}\n")
    stream.flush()


class Dumper:
    """Writes events as lines, in Celery's words."""

    def __init__(self, out: Any = None) -> None:
        """Write to a stream, or by a function; default: standard output."""
        self._say: Callable[[str], Any] = out if callable(out) else partial(_write, out)
        self._tasks: Recent[str] = Recent(_KEPT)

    def say(self, msg: str) -> None:
        """Write a line."""
        self._say(msg)

    def on_event(self, ev: dict[str, Any]) -> None:
        """Write one event."""
        rest = dict(ev)
        when = datetime.fromtimestamp(rest.pop("timestamp", 0) or 0, UTC)
        kind = str(rest.pop("type")).lower()
        hostname = rest.pop("hostname", "?")
        if kind.startswith("task-"):
            self.format_task_event(hostname, when, kind, self._task(kind, rest), rest)
        else:
            self.say(self._line(hostname, when, kind, "", rest))

    def format_task_event(
        self,
        hostname: str,
        timestamp: datetime,
        type: str,  # noqa: A002 - Celery's name
        task: str,
        event: Mapping[str, Any],
    ) -> None:
        """Write an event of a task; `task` is its call, as far as that is known."""
        self.say(self._line(hostname, timestamp, type, f" {task}", event))

    def _line(
        self, hostname: str, when: datetime, kind: str, task: str, rest: Mapping[str, Any]
    ) -> str:
        fields = ", ".join(f"{name}={rest[name]}" for name in sorted(rest))
        return f"{hostname} [{when}] {humanize_type(kind)}{':' if fields else ''}{task} {fields}"

    def _task(self, kind: str, rest: dict[str, Any]) -> str:
        uuid = str(rest.pop("uuid", "?"))
        if kind in ("task-received", "task-sent"):
            name, args, kwargs = (rest.pop(field, "?") for field in ("name", "args", "kwargs"))
            self._tasks[uuid] = f"{name}({uuid}) args={args} kwargs={kwargs}"
        return self._tasks.get(uuid, "")
