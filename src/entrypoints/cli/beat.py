"""`celeriac beat`: send periodic tasks when they are due, until a signal stops it.

Exit codes as of the worker: 0 after a clean stop, 1 when it could not start, 69 when the broker
cannot be reached at start-up.
"""

import logging
import signal
import socket
from typing import Any, Final

import click

from ... import __version__
from ..banner import broker_text
from ..beat import AppBeat, BeatOptions
from ..logs import Logs
from ..node_names import node_name
from . import daemon as daemons
from .options import GroupedCommand, log_format_option, loglevel_option, option
from .restart import begin_as, was_restarted
from .session import Session
from .starting import import_tasks, log_options, say_what_has_no_effect

logger = logging.getLogger("celeriac.beat")

GROUP: Final = "Beat Options"
DEFAULT_NODE: Final = "celerybeat@%h"
STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@click.command(
    "beat",
    cls=GroupedCommand,
    context_settings={"allow_extra_args": True},
    help="Send periodic tasks when they are due. Several may run: one is at work, others stand by.",
)
@option("--detach", group=GROUP, is_flag=True, help="Leave the terminal.")
@option("-s", "--schedule", group=GROUP, help="No file is needed: last runs are in the broker.")
@option("-S", "--scheduler", group=GROUP, help="Class of the scheduler.")
@option("--max-interval", group=GROUP, type=int, help="Seconds between looks at the schedule.")
@option(
    "--enable-remote-control/--no-enable-remote-control",
    "remote_control",
    group=GROUP,
    default=None,
    help="Answer ping, as `celeriac inspect ping` asks it; default: beat_enable_remote_control.",
)
@option("-n", "--hostname", group=GROUP, help="Name of the node.")
@loglevel_option(GROUP)
@log_format_option(GROUP)
@daemons.daemon_options
@click.pass_context
def command(ctx: click.Context, /, **asked: Any) -> None:
    """Run beat."""
    session: Session = ctx.obj
    app = session.app
    if ctx.args:
        app.config_from_cmdline(ctx.args, namespace="beat")
    node = node_name(asked["hostname"] or DEFAULT_NODE, socket.gethostname())
    daemon = daemons.Daemon.asked(asked).settled(app.conf, "beat")
    if asked["detach"] and not was_restarted():
        daemons.detach()
        begin_as(daemon.executable)
    daemons.take_identity(daemon)
    with daemons.pid_file(daemon, node):
        Logs(log_options(session, asked, node, daemon.logfile, app)).set_up()
        say_what_has_no_effect(session, asked, (), logger)
        import_tasks(app, (), logger)
        beat = AppBeat(
            app,
            BeatOptions(
                max_interval=asked["max_interval"],
                schedule_filename=asked["schedule"],
                scheduler=asked["scheduler"],
                hostname=asked["hostname"],
                remote_control=asked["remote_control"],
            ),
        )
        logger.info("%s starts with celeriac %s; broker: %s", node, __version__, broker_text(app))
        _run_until_signalled(beat)


def _run_until_signalled(beat: AppBeat) -> None:
    for number in STOPPING:
        signal.signal(number, lambda signum, frame: beat.stop())
    beat.start()
    beat.run()
    logger.info("stopped")
