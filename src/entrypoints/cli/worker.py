"""`celeriac worker`: run a worker until a signal stops it.

Exit codes: 0 after a clean stop, 1 when it could not start or its pool broke, 2 for a wrong
command line, 69 when the broker cannot be reached at start-up.
"""

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from ... import __version__
from ..banner import worker_banner, worker_line
from ..logs import Logs
from ..node_names import node_name
from ..worker import AppWorker, WorkerOptions
from . import daemon as daemons
from .garbage import collect_seldom
from .options import (
    Bounds,
    CommaSeparated,
    GroupedCommand,
    log_format_option,
    loglevel_option,
    option,
)
from .process_signals import Signals
from .program import CommandFailed
from .restart import begin_as, restart, was_restarted
from .session import Session
from .starting import import_tasks, log_options, say_what_has_no_effect

if TYPE_CHECKING:
    from ..library.app import Celeriac
    from .embedded_beat import EmbeddedBeat

logger = logging.getLogger("celeriac.worker")

WORKER: Final = "Worker Options"
POOL: Final = "Pool Options"
QUEUES: Final = "Queue Options"
FEATURES: Final = "Features"
BEAT: Final = "Embedded Beat Options"

#: How the processes of a pool begin.
METHODS: Final = ("fork", "forkserver", "spawn")
#: Options that are settings by another name.
SETTINGS: Final = {
    "concurrency": "worker_concurrency",
    "pool": "worker_pool",
    "max_tasks_per_child": "worker_max_tasks_per_child",
    "max_memory_per_child": "worker_max_memory_per_child",
    "pool_start_method": "worker_pool_start_method",
    "prefetch_multiplier": "worker_prefetch_multiplier",
    "disable_prefetch": "worker_disable_prefetch",
    "time_limit": "task_time_limit",
    "soft_time_limit": "task_soft_time_limit",
    "grace_period": "worker_grace_period",
    "task_events": "worker_send_task_events",
    "health_port": "worker_health_port",
    "statedb": "worker_state_db",
}
#: Options that are taken and named in the log, because what they govern does not exist yet.
NOT_YET: Final = ("optimization",)


@click.command(
    "worker",
    cls=GroupedCommand,
    context_settings={"allow_extra_args": True},
    help="""Run a worker.

    Words after -- of the form setting=value are settings:
    celeriac -A shop worker -- prefetch_multiplier=1
    """,
)
@option("-n", "--hostname", group=WORKER, help="Name of the node; may hold %h, %n, %d.")
@option("-D", "--detach", group=WORKER, is_flag=True, help="Leave the terminal.")
@option("-S", "--statedb", group=WORKER, help="File of what it remembers: revoked tasks.")
@loglevel_option(WORKER)
@log_format_option(WORKER)
@option(
    "-O",
    "--optimization",
    group=WORKER,
    type=click.Choice(["default", "fair"]),
    default=None,
    help="No effect: tasks are always dealt fairly.",
)
@option("--prefetch-multiplier", group=WORKER, type=int, help="Claimed ahead, for each slot.")
@option(
    "--disable-prefetch",
    group=WORKER,
    is_flag=True,
    default=None,
    help="Claim nothing ahead.",
)
@option(
    "--grace-period",
    group=WORKER,
    type=float,
    metavar="SECONDS",
    help="Time that running tasks have to end when the worker stops.",
)
@option("-c", "--concurrency", group=POOL, help="How many tasks run at once, or 'auto'.")
@option(
    "-P",
    "--pool",
    group=POOL,
    metavar="POOL",
    help="prefork, threads, asyncio, gevent, eventlet, solo.",
)
@option(
    "-E",
    "--task-events",
    "--events",
    group=POOL,
    is_flag=True,
    default=None,
    help="Tell of tasks by events.",
)
@option("--time-limit", group=POOL, type=float, help="Seconds after which a task is ended.")
@option(
    "--soft-time-limit", group=POOL, type=float, help="Seconds after which a task is interrupted."
)
@option("--max-tasks-per-child", group=POOL, type=int, help="Then the process is replaced.")
@option(
    "--pool-start-method",
    group=POOL,
    type=click.Choice(["fork", "forkserver", "spawn"]),
    default=None,
)
@option("--max-memory-per-child", group=POOL, type=int, help="In KiB; then it is replaced.")
@option(
    "--purge", "--discard", group=QUEUES, is_flag=True, default=None, help="Empty the queues first."
)
@option("-Q", "--queues", group=QUEUES, type=CommaSeparated(), help="Queues, or queue=slots.")
@option("-X", "--exclude-queues", group=QUEUES, type=CommaSeparated(), help="Queues to leave.")
@option("-I", "--include", group=QUEUES, type=CommaSeparated(), help="Modules to import.")
@option("--without-gossip", group=FEATURES, is_flag=True, help="Listen to no other workers.")
@option("--without-mingle", group=FEATURES, is_flag=True, help="Greet no other workers.")
@option("--without-heartbeat", group=FEATURES, is_flag=True, default=None, help="Send none.")
@option("--heartbeat-interval", group=FEATURES, type=int, help="Seconds between heartbeats.")
@option(
    "--health-port",
    group=FEATURES,
    metavar="[HOST:]PORT",
    help="Answer /livez, /readyz and /metrics there.",
)
@option(
    "--autoscale",
    group=FEATURES,
    type=Bounds(),
    help="Grow and shrink with the work there is, between these numbers of slots.",
)
@option("-B", "--beat", group=BEAT, is_flag=True, default=None, help="Run beat in here as well.")
@option("-s", "--schedule-filename", "--schedule", group=BEAT, help="File of beat's last runs.")
@option("--scheduler", group=BEAT, help="Class of beat's scheduler.")
@daemons.daemon_options
@click.pass_context
def command(ctx: click.Context, /, **asked: Any) -> None:
    """Run a worker."""
    session: Session = ctx.obj
    app = session.app
    _configure(app, ctx.args, asked)
    node = node_name(asked["hostname"], socket.gethostname())
    daemon = daemons.Daemon.asked(asked).settled(app.conf, "worker")
    if asked["detach"] and not was_restarted():
        daemons.detach()
        begin_as(daemon.executable)
    daemons.take_identity(daemon)
    with daemons.pid_file(daemon, node):
        logs = Logs(log_options(session, asked, node, daemon.logfile, app))
        logs.set_up()
        say_what_has_no_effect(session, asked, NOT_YET, logger)
        import_tasks(app, asked["include"] or (), logger)
        worker = AppWorker(
            app,
            WorkerOptions(
                hostname=asked["hostname"],
                autoscale=asked["autoscale"],
                queues=asked["queues"],
                exclude_queues=asked["exclude_queues"] or (),
                heartbeat=False if asked["without_heartbeat"] else None,
                heartbeat_interval=asked["heartbeat_interval"],
                mingle=False if asked["without_mingle"] else None,
                gossip=False if asked["without_gossip"] else None,
                self_report=True,
                user_options=asked,
                prepare=logs.enter_process,
                guard_lease=True,
                sparing=True,
            ),
        )
        _introduce(session, worker, logs.options.style)
        again = _work(worker, asked)
    if again:
        restart()


def _introduce(session: Session, worker: AppWorker, style: str) -> None:
    if style == "json":  # nothing but JSON may come out then
        logger.info("%s", worker_line(worker, __version__))
        return
    with_tasks = logging.getLogger().isEnabledFor(logging.INFO)
    session.say(worker_banner(worker, __version__, with_tasks=with_tasks))


def _work(worker: AppWorker, asked: dict[str, Any]) -> bool:
    """Run the worker to its end; return whether it is to begin anew."""
    signals = Signals(worker)
    signals.take()
    beat = _beat(worker.app, asked) if asked["beat"] else None
    before = _purge if asked["purge"] else _nothing
    worker.start(before)
    signals.begin()
    collect_seldom()
    logger.info("%s ready.", worker.node)
    if beat is not None:
        beat.start()
    try:
        worker.run(signals.release)
    except SystemExit:
        if not signals.restart:
            raise
    finally:
        signals.returned()
        if beat is not None:
            beat.stop()
    logger.info("%s stopped.", worker.node)
    if worker.broken is not None:
        raise CommandFailed(f"the pool broke: {worker.broken}")
    return signals.restart


def _beat(app: "Celeriac", asked: dict[str, Any]) -> "EmbeddedBeat":
    # Late, since what is imported before the pool forks is in the memory of each child.
    from .embedded_beat import EmbeddedBeat

    return EmbeddedBeat(app, asked)


def _purge(worker: AppWorker) -> None:
    gone = worker.app.broker.purge(worker.queues)
    logger.warning("purged %d messages from %s", gone, ", ".join(worker.queues))


def _nothing(worker: AppWorker) -> None:
    pass


def _configure(app: "Celeriac", words: Sequence[str], asked: dict[str, Any]) -> None:
    """Let the command line win over all other sources of settings."""
    if words:
        app.config_from_cmdline(list(words), namespace="worker")
    for name, setting in SETTINGS.items():
        if asked[name] is not None:
            app.conf[setting] = asked[name]
