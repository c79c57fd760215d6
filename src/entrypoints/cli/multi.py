"""`celeriac multi`: start, stop and restart several workers of this host, in the background.

Exit codes: 0 done, 1 when a node could not be started or `get` found none, 2 for a wrong command
line.
"""

import signal
import socket
from collections.abc import Callable, Sequence
from typing import Final

import click

from ... import __version__
from . import multi_running as processes
from .multi_nodes import Node, as_text, expanded, for_nobody, nodes_of
from .multi_words import Known, Words, parse
from .program import SERIES, CommandFailed, program
from .session import Session

#: What may be said of nodes; a word before the nodes is the name of an argument.
SYNTAX: Final = (
    ("start", "NODES [WORKER OPTIONS]", "Start nodes in the background."),
    ("stop", "NODES [-SIGNAL]", "Send them a signal, TERM unless another is named."),
    ("stopwait", "NODES [-SIGNAL]", "The same, and wait until they have ended."),
    ("restart", "NODES [-SIGNAL] [WORKER OPTIONS]", "stopwait, and start each that has ended."),
    ("kill", "NODES", "End them at once. What they run is found again when its lease is over."),
    ("show", "NODES [WORKER OPTIONS]", "Print the commands that start them."),
    ("get", "NODE NODES [WORKER OPTIONS]", "Print the command of one of them, without its Python."),
    ("names", "NODES", "Print their names."),
    ("expand", "TEMPLATE NODES", "Print a text with the marks %n %h %p %d of each filled in."),
    ("help", "", "Print this, with examples."),
)
EXAMPLES: Final = """\
NODES are names, or one number: 3 means celeriac1, celeriac2 and celeriac3 (--range-prefix=web:
web1, …). A name without @host is given this host, or that of -n or --suffix.

Options behind the command are the worker's, and the program's own. Written as -c:1 10, -c:2-4 10,
-c:2,4 10 or -c:mail,web 10 one holds for these nodes only. In values %n is the node's name, %h and
%p its name with the host, %d the host; in --logfile %i and %I are the number of a child. Options
that only the app knows are written as --shout=loud, or -Z loud.

  celeriac multi start 3 -A shop -c 4                     three nodes of four slots each
  celeriac multi start mail web -A shop -Q:mail mail      one of them for the queue mail
  celeriac multi restart 3 -A shop -c 4                   options are not kept: say them again
  celeriac multi stopwait 3                               stop them, and wait
  celeriac multi start 2 -A shop --pidfile=run/%n.pid --logfile=log/%n%I.log

Without --pidfile and --logfile the files are /var/run/celeriac/%n.pid and
/var/log/celeriac/%n%I.log; stop, restart and kill find nodes by their pid files alone.

  --nosplash   do not print the version first
  --quiet      print results only
  --verbose    print the command of each node that is started
  --no-color   print without colour"""


@click.command(
    "multi",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["--help"],
    },
    help="""Start, stop and restart several workers in the background.

    Commands: start, stop, stopwait, restart, kill, show, get, names, expand, help.
    celeriac multi help says more.
    """,
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND NODES [OPTIONS]")
@click.pass_context
def command(ctx: click.Context, /, words: Sequence[str]) -> None:
    """Do what the first word says with the nodes that the others name."""
    before = [word for word in words if not word.startswith("-")][:1]
    if not before or before[0] == "help" or "--help" in words:
        click.echo(usage())
        return
    name = before[0]
    if name not in _DONE:
        raise click.UsageError(
            f"no such command of multi: {name!r} (commands: {', '.join(_DONE)}, help)", ctx
        )
    at = list(words).index(name)
    rest = [*words[:at], *words[at + 1 :]]
    _DONE[name](Multi(ctx.obj, rest, signals=name in ("stop", "stopwait", "restart")))


def usage() -> str:
    """Return all there is to know."""
    width = max(len(f"{name} {words}") for name, words, _ in SYNTAX)
    rows = [f"  {f'{name} {words}'.ljust(width)}  {text}" for name, words, text in SYNTAX]
    return "\n".join(["celeriac multi COMMAND", "", *rows, "", EXAMPLES])


class Multi:
    """One use of the command."""

    def __init__(self, session: Session, words: Sequence[str], *, signals: bool) -> None:
        """Take the words apart. Raises UsageError."""
        from .worker import command as worker

        self._known = Known.of(program, worker)
        self.said: Words = parse([*_of_program(session), *words], self._known, signals=signals)
        own = self.said.own
        self.quiet, self.verbose = session.quiet or "quiet" in own, "verbose" in own
        self._splash = not self.quiet and "nosplash" not in own
        self._plain = session.no_color or "no_color" in own
        self.host = socket.gethostname()

    def nodes(self) -> list[Node]:
        """Return the nodes. Raises UsageError."""
        return nodes_of(self.said, self._known, self.host)

    def first_name(self, what: str) -> str:
        """Take the word before the nodes. Raises UsageError."""
        if not self.said.names:
            raise click.UsageError(f"expected {what} and then nodes")
        return self.said.names.pop(0)

    def begin(self, text: str) -> None:
        """Say what will be done."""
        if self._splash:
            click.echo(self.styled(f"celeriac multi v{__version__} ({SERIES})", "cyan"))
        self.say(f"> {text}")

    def say(self, text: str, *, newline: bool = True) -> None:
        """Print, unless asked to be quiet."""
        if not self.quiet:
            click.echo(text, nl=newline)

    def styled(self, text: str, colour: str) -> str:
        """Return a text in a colour."""
        return text if self._plain else click.style(text, fg=colour, bold=True)

    def result(self, head: str, error: str = "") -> None:
        """Say how it went with a node."""
        if error:
            click.echo(f"{head}: {self.styled('FAILED', 'red')} ({error})")
        else:
            self.say(f"{head}: {self.styled('OK', 'green')}")


def _of_program(session: Session) -> list[str]:
    """Return what was said before the word `multi`, for the workers."""
    said = {
        "--app": session.name,
        "--broker": session.broker,
        "--result-backend": session.result_backend,
        "--config": session.config,
    }
    return [f"{flag}={value}" for flag, value in said.items() if value]


# -- commands


def _start(multi: Multi) -> None:
    nodes = _startable(multi)
    multi.begin("Starting nodes...")
    _fail_for([_started(multi, node, f"\t> {node.name}") for node in nodes])


def _restart(multi: Multi) -> None:
    nodes, failed = _startable(multi), list[bool]()

    def again(node: Node) -> None:
        failed.append(_started(multi, node, f"> Restarting node {node.name}"))

    multi.begin("Stopping nodes...")
    pids = _signalled(multi, nodes)
    for node in nodes:
        if node not in pids:
            again(node)
    _wait(multi, pids, again)
    _fail_for(failed)


def _stop(multi: Multi) -> None:
    multi.begin("Stopping nodes...")
    _signalled(multi, multi.nodes())


def _stopwait(multi: Multi) -> None:
    multi.begin("Stopping nodes...")
    pids = _signalled(multi, multi.nodes())
    _wait(multi, pids, lambda node: multi.result(f"\t> {node.name}"))


def _kill(multi: Multi) -> None:
    multi.said.signal = "KILL"
    multi.begin("Killing nodes...")
    _signalled(multi, multi.nodes())


def _show(multi: Multi) -> None:
    for node in _startable(multi):
        click.echo(as_text(node.command))


def _get(multi: Multi) -> None:
    wanted = multi.first_name("the name of a node")
    for node in multi.nodes():
        if wanted in (node.name, node.name.partition("@")[0]):
            click.echo(as_text(node.words))
            return
    raise CommandFailed(f"{wanted} is none of these nodes")


def _names(multi: Multi) -> None:
    for node in multi.nodes():
        click.echo(node.name)


def _expand(multi: Multi) -> None:
    template = multi.first_name("a template")
    for node in multi.nodes():
        click.echo(expanded(template, node.name))


_DONE: Final[dict[str, Callable[[Multi], None]]] = {
    "start": _start,
    "stop": _stop,
    "stopwait": _stopwait,
    "stop_verify": _stopwait,
    "restart": _restart,
    "kill": _kill,
    "show": _show,
    "get": _get,
    "names": _names,
    "expand": _expand,
}


# -- what they have in common


def _startable(multi: Multi) -> list[Node]:
    """Return the nodes, if they can be told apart. Raises UsageError."""
    nodes = multi.nodes()
    shared = processes.twins(nodes)
    if shared:
        raise click.UsageError(
            f"more than one node would have the pid file {shared[0]}: put %n into --pidfile, "
            "and name each node once"
        )
    for option in for_nobody(multi.said, multi.host):
        click.echo(f"{option} is for none of these nodes", err=True)
    return nodes


def _started(multi: Multi, node: Node, head: str) -> bool:
    """Start a node; tell whether that failed."""
    if multi.verbose:
        click.echo(f"\t{as_text(node.command)}")
    error = processes.start(node)
    multi.result(head, error)
    return bool(error)


def _fail_for(failed: Sequence[bool]) -> None:
    if any(failed):
        raise CommandFailed(f"{sum(failed)} of {len(failed)} nodes did not start")


def _signalled(multi: Multi, nodes: Sequence[Node]) -> dict[Node, int]:
    """Signal all that run; return the process of each."""
    signum = processes.number_of(multi.said.signal) if multi.said.signal else signal.SIGTERM
    found: dict[Node, int] = {}
    for node in nodes:
        pid = processes.running(node)
        try:
            sent = pid is not None and processes.send(pid, signum)
        except PermissionError as denied:
            raise CommandFailed(f"{node.name}: process {pid} is another user's") from denied
        if pid is None or not sent:
            multi.say(f"> {node.name}: {multi.styled('DOWN', 'magenta')}")
            continue
        multi.say(f"\t> {node.name}: {processes.name_of(signum)} -> {pid}")
        found[node] = pid
    return found


def _wait(multi: Multi, pids: dict[Node, int], gone: Callable[[Node], object]) -> None:
    if not pids:
        return
    count = f"{len(pids)} {'node' if len(pids) == 1 else 'nodes'}"
    multi.say(f"> Waiting for {count} -> {', '.join(map(str, pids.values()))}...")
    processes.wait(pids, gone)
