"""`celeriac migrate`: copy or move waiting tasks from one broker to another.

What must stay true: with --ack-messages a task is in one place at least at any time, and in one
place only at the end; without it nothing is taken out of the source.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from .options import CommaSeparated, GroupedCommand, option
from .session import Session

if TYPE_CHECKING:
    from ...domain.messaging.message import TaskMessage
    from ..library.app import Celeriac
    from ..library.moving import Body, State

GROUP: Final = "Migration Options"
#: Seconds between two looks at queues in which there was nothing.
PAUSE: Final = 0.2


@click.command(
    "migrate",
    cls=GroupedCommand,
    help="""Copy waiting tasks from one broker to another; with -a move them.

    Both are URLs. Tasks that wait for their time stay, and so does what a worker has claimed.
    Copied tasks keep their ids: where workers serve both brokers they run twice.
    """,
)
@click.argument("source")
@click.argument("destination")
@option("-n", "--limit", group=GROUP, type=click.IntRange(1), help="How many at most.")
@option(
    "-t",
    "--timeout",
    group=GROUP,
    type=float,
    default=1.0,
    show_default=True,
    help="Seconds without another task after which it ends.",
)
@option("-a", "--ack-messages", group=GROUP, is_flag=True, help="Take them out of the source.")
@option("-T", "--tasks", group=GROUP, type=CommaSeparated(), help="Only tasks of these names.")
@option(
    "-Q",
    "--queues",
    group=GROUP,
    type=CommaSeparated(),
    help="Only these queues; as old:new if one is called otherwise there.",
)
@option("-F", "--forever", group=GROUP, is_flag=True, help="Go on until it is stopped.")
@click.pass_obj
def command(
    session: Session,
    /,
    source: str,
    destination: str,
    limit: int | None,
    timeout: float,
    ack_messages: bool,
    tasks: list[str] | None,
    queues: list[str] | None,
    forever: bool,
) -> None:
    """Copy or move tasks."""
    from ..library.moving import State, at_broker, prepare_queues, queue_names

    if source == destination:
        raise click.UsageError("source and destination are the same broker")
    app, state = session.app, State()
    renamed = prepare_queues(queues)
    names = list(renamed) or queue_names(app, None)
    with at_broker(app, source) as there, at_broker(app, destination) as here:
        lasting = None if forever else timeout
        work = Work(there, here, renamed, tasks, limit, lasting, state, partial(_tell, session))
        act = _move if ack_messages else _copy
        act(work, names)
    session.say(f"{state.filtered} {'moved' if ack_messages else 'copied'}.")


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked for. Without a timeout it goes on for ever."""

    source: "Celeriac"
    target: "Celeriac"
    renamed: Mapping[str, str]
    tasks: Sequence[str] | None
    limit: int | None
    timeout: float | None
    state: "State"
    tell: "Callable[[State, Body, Any], None]"

    def destination(self, body: "Body", message: Any) -> str | None:
        """Return the queue where a task goes; None if it stays."""
        if self.tasks and body["task"] not in self.tasks:
            return None
        queue: str = message.queue
        return self.renamed.get(queue, queue)

    def is_full(self) -> bool:
        """Tell whether as many were migrated as was asked for."""
        return self.limit is not None and self.state.filtered >= self.limit


def _tell(session: Session, state: "State", body: "Body", message: Any) -> None:
    session.say(f"Migrating task {state.filtered}/{state.strtotal}: {body['task']}[{body['id']}]")


def _copy(work: Work, queues: Sequence[str]) -> None:
    """Publish each task there, and leave it here."""
    from ..library.filtering import Filterer
    from ..library.moving import StopFiltering

    def copy(body: "Body", waiting: Any) -> None:
        queue = work.destination(body, waiting)
        if queue is None:
            return
        message: TaskMessage = waiting.message
        route = work.target.container.router().route(message.task, (), {}, {"queue": queue})
        there = replace(message, queue=route.queue)
        there = replace(there, exchange=route.exchange, routing_key=route.routing_key)
        work.target.sending.publish([there])
        work.state.filtered += 1
        work.tell(work.state, body, message)
        if work.is_full():
            raise StopFiltering

    forever, timeout = work.timeout is None, work.timeout or 0.0
    options: dict[str, Any] = {"timeout": timeout, "forever": forever, "state": work.state}
    Filterer(work.source, None, copy, consume_from=queues, **options).start()


def _move(work: Work, queues: Sequence[str]) -> None:
    """Move what is there, again and again, until nothing has come for a while."""
    from ..library.moving import Mover

    clock = work.source.container.clock()
    mover = Mover(work.source, work.target, work.state, work.tell, work.limit)
    before, last = 0, clock.monotonic()
    while True:
        mover.move(work.destination, queues)
        now = clock.monotonic()
        if work.state.filtered > before:
            before, last = work.state.filtered, now
        over = work.timeout is not None and now - last >= work.timeout
        if over or work.is_full():
            return
        clock.wait(PAUSE)
