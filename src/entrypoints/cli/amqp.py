"""`celeriac amqp`: look at exchanges, queues and messages by hand, one command or many.

What must stay true: a message that was got and not acknowledged goes back to its queue at the end.
"""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

import click

from ..kombu_connection import kombu_connection
from .options import GroupedCommand
from .program import CommandFailed, StoreUnreachable
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac

#: Where the group's context keeps the way to the broker.
_LINK: Final = "celeriac.amqp"
PROMPT: Final = "amqp> "
LEAVE: Final = ("exit", "quit", ":q")


class Link:
    """The way to the broker, opened on first use, and anew after an error that closed it."""

    def __init__(self, app: "Celeriac") -> None:
        """Reach this app's broker."""
        self._app = app
        self._connection: Any = None
        self._channel: Any = None
        #: Tags of messages that were got and not acknowledged.
        self.tags: set[Any] = set()

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Give a channel. Raises CommandFailed for what the broker refuses."""
        if self._channel is None:
            self._open()
        known = (*self._connection.channel_errors, *self._connection.connection_errors, OSError)
        try:
            yield self._channel
        except known as refused:
            self.close()
            raise CommandFailed(str(refused)) from refused

    def close(self) -> None:
        """Let go of the broker; what was got and not acknowledged goes back."""
        connection, self._connection, self._channel = self._connection, None, None
        self.tags.clear()
        if connection is not None:
            connection.release()

    def _open(self) -> None:
        connection = kombu_connection(self._app, "the command amqp")
        click.echo(f"-> connecting to {connection.as_uri()}.", err=True)
        try:
            connection.connect()
            self._channel = connection.channel()
        except (*connection.connection_errors, OSError) as away:
            raise StoreUnreachable(f"{connection.as_uri()} does not answer: {away}") from away
        self._connection = connection
        click.echo("-> connected.", err=True)


@click.group(
    "amqp",
    invoke_without_command=True,
    help="""Look at exchanges, queues and messages by hand.

    Without a command: read commands, one a line. By kombu, and so for the brokers that it reaches.
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Keep one connection for all commands."""
    session: Session = ctx.obj
    link = Link(session.app)
    ctx.meta[_LINK] = link
    ctx.call_on_close(link.close)
    if ctx.invoked_subcommand is None:
        read_commands(ctx)


def _link() -> Link:
    link: Link = click.get_current_context().meta[_LINK]
    return link


def _sub(name: str, *arguments: tuple[str, Any]) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command; of an argument its type, or its default."""

    def declare(function: Callable[..., Any]) -> click.Command:
        declared: Callable[..., Any] = function
        for word, kind in reversed(arguments):
            told: dict[str, Any] = {"type": kind}
            if isinstance(kind, bool):
                told = {"type": click.BOOL, "default": kind, "required": False}
            declared = click.argument(word, **told)(declared)
        return command.command(name, cls=GroupedCommand)(declared)

    return declare


# -- exchanges and queues


@_sub(
    "exchange.declare",
    *(("exchange", str), ("type", str)),
    *(("passive", False), ("durable", False), ("auto_delete", False)),
)
def exchange_declare(exchange: str, **options: Any) -> None:
    """Make an exchange, unless it is there."""
    with _link().channel() as channel:
        channel.exchange_declare(exchange=exchange, **options)
    _ok()


@_sub("exchange.delete", ("exchange", str), ("if_unused", False))
def exchange_delete(exchange: str, if_unused: bool) -> None:
    """Delete an exchange."""
    with _link().channel() as channel:
        channel.exchange_delete(exchange=exchange, if_unused=if_unused)
    _ok()


@_sub("queue.bind", ("queue", str), ("exchange", str), ("routing_key", str))
def queue_bind(queue: str, exchange: str, routing_key: str) -> None:
    """Let a routing key of an exchange lead to a queue."""
    with _link().channel() as channel:
        channel.queue_bind(queue=queue, exchange=exchange, routing_key=routing_key)
    _ok()


@_sub(
    "queue.declare",
    *(("queue", str), ("passive", False), ("durable", False), ("auto_delete", False)),
)
def queue_declare(queue: str, **options: Any) -> None:
    """Make a queue, unless it is there, and count its messages and consumers."""
    with _link().channel() as channel:
        name, messages, consumers = channel.queue_declare(queue=queue, **options)
    click.echo(f"queue:{name} messages:{messages} consumers:{consumers}")
    _ok()


@_sub("queue.delete", ("queue", str), ("if_unused", False), ("if_empty", False))
def queue_delete(queue: str, if_unused: bool, if_empty: bool) -> None:
    """Delete a queue and its messages."""
    with _link().channel() as channel:
        gone = channel.queue_delete(queue=queue, if_unused=if_unused, if_empty=if_empty)
    click.echo(f"{gone or 0} messages deleted.")
    _ok()


@_sub("queue.purge", ("queue", str))
def queue_purge(queue: str) -> None:
    """Delete the messages of a queue."""
    with _link().channel() as channel:
        gone = channel.queue_purge(queue=queue)
    click.echo(f"{gone or 0} messages deleted.")
    _ok()


# -- messages


@_sub("basic.get", ("queue", str), ("no_ack", False))
def basic_get(queue: str, no_ack: bool) -> None:
    """Take a message and print it. Without NO_ACK it goes back unless it is acknowledged."""
    link = _link()
    with link.channel() as channel:
        message = import_module("kombu").Queue(queue, channel=channel).get(no_ack=no_ack)
    if message is None:
        click.echo(f"no message waits in {queue}")
    else:
        if not no_ack:
            link.tags.add(message.delivery_tag)
        info = {**message.delivery_info, "delivery_tag": message.delivery_tag}
        shown = {"body": message.body, "delivery_info": info, "properties": message.properties}
        click.echo(pformat(shown))
    _ok()


@_sub(
    "basic.publish",
    *(("msg", str), ("exchange", str), ("routing_key", str)),
    *(("mandatory", False), ("immediate", False)),
)
def basic_publish(msg: str, exchange: str, **options: Any) -> None:
    """Publish a text. To the exchange '' the routing key is the name of a queue."""
    with _link().channel() as channel:
        import_module("kombu").Producer(channel).publish(msg, exchange=exchange, **options)
    _ok()


@_sub("basic.ack", ("delivery_tag", str))
def basic_ack(delivery_tag: str) -> None:
    """Acknowledge a message that was got before, in the same session."""
    link = _link()
    tag = next((one for one in link.tags if str(one) == delivery_tag), None)
    if tag is None:
        raise CommandFailed(
            f"no message {delivery_tag} was got in this session: get and acknowledge it in one, "
            "celeriac amqp repl"
        )
    with link.channel() as channel:
        channel.basic_ack(tag)
    link.tags.discard(tag)
    _ok()


def _ok() -> None:
    click.echo("OK")


# -- many commands


@command.command("repl", cls=GroupedCommand)
@click.pass_context
def repl(ctx: click.Context) -> None:
    """Read commands, one a line, until the input ends or a line says exit."""
    assert ctx.parent is not None
    read_commands(ctx.parent)


def read_commands(ctx: click.Context) -> None:
    """Run what is read; one that fails does not keep the next."""
    for line in _lines():
        try:
            words = shlex.split(line)
        except ValueError as wrong:
            click.echo(f"{line!r}: {wrong}", err=True)
            continue
        if not words:
            continue
        if words[0] in LEAVE:
            return
        _run(ctx, words)


def _run(ctx: click.Context, words: list[str]) -> None:
    name, *rest = words
    found = command.get_command(ctx, name)
    try:
        if found is None or name == "repl":
            known = [one for one in command.list_commands(ctx) if one != "repl"]
            click.echo(f"commands: {', '.join([*known, 'exit'])}")
            return
        with found.make_context(name, rest, parent=ctx) as inner:
            found.invoke(inner)
    except click.ClickException as wrong:
        wrong.show()
    except click.exceptions.Exit:
        return


def _lines() -> Iterator[str]:
    asked = sys.stdin.isatty()
    while True:
        try:
            yield input(PROMPT if asked else "")
        except EOFError:
            return
