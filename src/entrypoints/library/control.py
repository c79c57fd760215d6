"""Remote control, as far as it stands: ping, revoke, shutdown, and purging queues."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...application.ask_workers import ask, tell
from ...domain.errors import TaskRevokedError
from ...domain.tasks import states
from ...domain.tasks.failures import describe
from ...domain.tasks.result_record import ResultRecord

if TYPE_CHECKING:
    from .app import Celeriac


class Control:
    """Says things to the workers of an app."""

    def __init__(self, app: "Celeriac") -> None:
        """Speak to the workers of this app."""
        self.app = app

    def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        reply: bool = False,
        timeout: float = 1.0,
        limit: int | None = None,
        **kwargs: Any,
    ) -> list[dict[str, Any]] | None:
        """Send a command; with `reply` return the answers, as `[{node: answer}, …]`."""
        bus = self.app.container.bus()
        arguments = arguments or {}
        if not reply:
            tell(bus, command, arguments, destination)
            return None
        ticket = self.app.new_id()
        clock = self.app.container.clock()
        return ask(bus, clock, ticket, command, arguments, destination, timeout, limit)

    def ping(
        self, destination: Sequence[str] | None = None, timeout: float = 1.0, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return `[{node: {"ok": "pong"}}, …]` of the workers that answer in time (seconds)."""
        return self.broadcast("ping", {}, destination, True, timeout, **kwargs) or []

    def revoke(
        self,
        task_id: str | Iterable[str],
        destination: Sequence[str] | None = None,
        terminate: bool = False,
        signal: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep tasks from being run; those still queued are taken out at once."""
        ids = [task_id] if isinstance(task_id, str) else list(task_id)
        self._withdraw(ids)
        arguments = {"task_id": ids, "terminate": terminate, "signal": signal or "SIGTERM"}
        self.broadcast("revoke", arguments, destination, **kwargs)

    def terminate(
        self, task_id: str | Iterable[str], signal: str | None = None, **kwargs: Any
    ) -> None:
        """Revoke tasks and end them where they run."""
        self.revoke(task_id, terminate=True, signal=signal, **kwargs)

    def shutdown(self, destination: Sequence[str] | None = None, **kwargs: Any) -> None:
        """Stop workers."""
        self.broadcast("shutdown", {}, destination, **kwargs)

    def purge(self, connection: Any = None) -> int:
        """Delete what waits in this app's queues; return how many messages that were."""
        return self.app.broker.purge(list(self.app.container.router().queues))

    discard_all = purge

    def _withdraw(self, ids: Sequence[str]) -> None:
        found = self.app.broker.remove(ids)
        if not found:
            return
        codec, clock = self.app.container.result_codec(), self.app.container.clock()
        gone = codec.encode(describe(TaskRevokedError("revoked")))
        now = clock.now()
        self.app.results.store(
            [ResultRecord(id_, states.REVOKED, gone, date_done=now) for id_ in found]
        )
