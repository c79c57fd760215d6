"""Remote control of workers as users call it: `app.control`, `app.control.inspect()`."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...application.ask_workers import Answer, Asking
from ...domain.cluster.control import Request
from ...domain.errors import DuplicateNodenameWarning
from ..choices import another_owner
from .inspect import Inspect

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["Control", "Inspect", "flatten_reply"]

Destination = Sequence[str] | None
Answers = list[Answer] | None


class Control:
    """Says things to the workers of an app.

    Every command takes what `broadcast` takes: `destination`, `reply`, `timeout`, `limit`,
    `callback`, `pattern`, `matcher`; without `reply` nothing is waited for and None returned.
    """

    def __init__(self, app: "Celeriac") -> None:
        """Speak to the workers of this app."""
        self.app = app

    def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Destination = None,
        connection: Any = None,
        reply: bool = False,
        timeout: float | None = 1.0,
        limit: int | None = None,
        callback: Callable[[Answer], object] | None = None,
        channel: Any = None,
        pattern: str | None = None,
        matcher: str | None = None,
        **extra: Any,
    ) -> Answers:
        """Send a command.

        Args:
            command: Its name.
            arguments: What it is given; `extra` is added to them.
            destination: Node names; None: all workers.
            connection: Accepted for Celery's sake.
            reply: Return the answers, as `[{node: answer}, …]`.
            timeout: Seconds without an answer after which no more are waited for.
            limit: How many answers are enough.
            callback: Called with each answer as it comes.
            channel: Accepted for Celery's sake.
            pattern: What node names must match.
            matcher: `glob` or `pcre`.
            **extra: Further arguments of the command.

        Raises:
            BrokerUnavailable: Nobody was told, or not everybody was heard.
        """
        if destination is not None and not isinstance(destination, list | tuple):
            raise ValueError(f"destination={destination!r}: expected a list of node names")
        request = Request(
            command,
            {**(arguments or {}), **extra},
            destination or None,
            pattern if pattern and matcher else None,
            matcher if pattern and matcher else None,
        )
        if not reply:
            self._asking().tell(request)
            return None
        return self._asking().ask(request, self.app.new_id(), timeout, limit, callback)

    @property
    def inspect(self) -> type[Inspect]:
        """What looks at workers: `app.control.inspect(destination).active()`."""
        return type("Inspect", (Inspect,), {"app": self.app})

    @property
    def Mailbox(self) -> Any:
        """The class of kombu's mailboxes. Raises NotSupported without kombu."""
        from .mailboxes import mailbox_class

        return mailbox_class()

    @property
    def mailbox(self) -> Any:
        """A mailbox of kombu's for commands: `mailbox(connection).multi_call("ping")`.

        `connection` is one of kombu's, since there is none behind `app.connection()`. Raises
        NotSupported without kombu.
        """
        from .mailboxes import mailbox

        return mailbox(self.app.conf, self.Mailbox)

    def _asking(self) -> Asking:
        container = self.app.container
        return Asking(
            container.bus(),
            container.clock(),
            container.logical(),
            self.app.conf.control_exchange,
        )

    # -- tasks

    def revoke(
        self,
        task_id: str | Iterable[str],
        destination: Destination = None,
        terminate: bool = False,
        signal: str | int | None = "SIGTERM",
        **kwargs: Any,
    ) -> Answers:
        """Keep tasks from being run; those still queued are taken out at once.

        `terminate` also ends those that run, by a signal where tasks have processes.
        """
        ids = [task_id] if isinstance(task_id, str) else list(task_id)
        self._withdraw(ids)
        arguments = {"task_id": ids, "terminate": terminate, "signal": signal, "withdrawn": True}
        return self.broadcast("revoke", arguments, destination, **kwargs)

    def terminate(
        self,
        task_id: str | Iterable[str],
        destination: Destination = None,
        signal: str | int | None = "SIGTERM",
        **kwargs: Any,
    ) -> Answers:
        """Revoke tasks and end them where they run."""
        return self.revoke(task_id, destination, terminate=True, signal=signal, **kwargs)

    def revoke_by_stamped_headers(
        self,
        headers: Mapping[str, Any],
        destination: Destination = None,
        terminate: bool = False,
        signal: str | int | None = "SIGTERM",
        **kwargs: Any,
    ) -> Answers:
        """Keep tasks with one of these stamps from being run: `{name: value or list}`."""
        arguments = {"headers": dict(headers), "terminate": terminate, "signal": signal}
        return self.broadcast("revoke_by_stamped_headers", arguments, destination, **kwargs)

    def rate_limit(
        self,
        task_name: str,
        rate_limit: str | float | None,
        destination: Destination = None,
        **kwargs: Any,
    ) -> Answers:
        """Set the rate limit of a task on each worker, such as `10/m`; 0 or None: none."""
        arguments = {"task_name": task_name, "rate_limit": rate_limit}
        return self.broadcast("rate_limit", arguments, destination, **kwargs)

    def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        destination: Destination = None,
        **kwargs: Any,
    ) -> Answers:
        """Set the time limits of a task, in seconds."""
        arguments = {"task_name": task_name, "hard": hard, "soft": soft}
        return self.broadcast("time_limit", arguments, destination, **kwargs)

    # -- workers

    def ping(
        self, destination: Destination = None, timeout: float = 1.0, **kwargs: Any
    ) -> list[Answer]:
        """Return `[{node: {"ok": "pong"}}, …]` of the workers that answer in time (seconds)."""
        return self.broadcast("ping", {}, destination, reply=True, timeout=timeout, **kwargs) or []

    def shutdown(self, destination: Destination = None, **kwargs: Any) -> Answers:
        """Stop workers warmly."""
        return self.broadcast("shutdown", {}, destination, **kwargs)

    def pool_grow(self, n: int = 1, destination: Destination = None, **kwargs: Any) -> Answers:
        """Add slots to pools."""
        return self.broadcast("pool_grow", {"n": n}, destination, **kwargs)

    def pool_shrink(self, n: int = 1, destination: Destination = None, **kwargs: Any) -> Answers:
        """Take slots from pools."""
        return self.broadcast("pool_shrink", {"n": n}, destination, **kwargs)

    def pool_restart(
        self,
        modules: Sequence[str] | None = None,
        reload: bool = False,
        reloader: Any = None,
        destination: Destination = None,
        **kwargs: Any,
    ) -> Answers:
        """Replace pools, where workers can."""
        arguments = {"modules": modules, "reload": reload, "reloader": reloader}
        return self.broadcast("pool_restart", arguments, destination, **kwargs)

    def autoscale(
        self,
        max: int,  # noqa: A002 - Celery's word
        min: int,  # noqa: A002 - Celery's word
        destination: Destination = None,
        **kwargs: Any,
    ) -> Answers:
        """Change the bounds of autoscaling."""
        return self.broadcast("autoscale", {"max": max, "min": min}, destination, **kwargs)

    # -- queues

    def add_consumer(
        self,
        queue: str,
        exchange: str | None = None,
        exchange_type: str = "direct",
        routing_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        destination: Destination = None,
        **kwargs: Any,
    ) -> Answers:
        """Have workers work on a further queue."""
        arguments = {
            "queue": queue,
            "exchange": exchange,
            "exchange_type": exchange_type,
            "routing_key": routing_key,
            **(options or {}),
        }
        return self.broadcast("add_consumer", arguments, destination, **kwargs)

    def cancel_consumer(
        self, queue: str, destination: Destination = None, **kwargs: Any
    ) -> Answers:
        """Have workers work on a queue no more."""
        return self.broadcast("cancel_consumer", {"queue": queue}, destination, **kwargs)

    def purge(self, connection: Any = None) -> int:
        """Delete what waits in this app's queues; return how many messages that were."""
        return self.app.broker.purge(list(self.app.container.router().queues))

    discard_all = purge

    def _withdraw(self, ids: Sequence[str]) -> None:
        """Take what waits of these tasks out of the queues, and settle it as revoked."""
        broker = self.app.broker
        if ids and broker.capabilities.seize and (owner := another_owner(broker)) is not None:
            from ..withdrawing import withdrawal  # only who revokes pays for it

            try:
                withdrawal(self.app, owner).withdraw(ids)
            finally:
                owner.close()

    # -- events

    def enable_events(self, destination: Destination = None, **kwargs: Any) -> Answers:
        """Have workers tell of tasks by events."""
        return self.broadcast("enable_events", {}, destination, **kwargs)

    def disable_events(self, destination: Destination = None, **kwargs: Any) -> Answers:
        """Have workers tell of tasks no more."""
        return self.broadcast("disable_events", {}, destination, **kwargs)

    def heartbeat(self, destination: Destination = None, **kwargs: Any) -> Answers:
        """Have workers send a heartbeat at once."""
        return self.broadcast("heartbeat", {}, destination, **kwargs)

    def election(
        self,
        id: str,  # noqa: A002 - Celery's word
        topic: str,
        action: Any = None,
        connection: Any = None,
    ) -> None:
        """Have Celery's workers elect one of them to act."""
        self.broadcast("election", {"id": id, "topic": topic, "action": action})


def flatten_reply(reply: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return answers as one mapping; warns of nodes that answered twice."""
    nodes: dict[str, Any] = {}
    twice: set[str] = set()
    for answer in reply:
        twice.update(name for name in answer if name in nodes)
        nodes.update(answer)
    if twice:
        warnings.warn(
            DuplicateNodenameWarning(
                f"several workers answered as {', '.join(sorted(twice))}: "
                "give each a name of its own (celeriac worker -n)"
            ),
            stacklevel=2,
        )
    return nodes
