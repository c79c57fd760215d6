"""Looking at workers: `app.control.inspect(["a@host"], timeout=5).active()`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ...application.ask_workers import Answer
from ...domain.cluster.control import matches

if TYPE_CHECKING:
    from .app import Celeriac


class Inspect:
    """Asks workers, and returns `{node: answer}`, or None where nobody answers.

    Args:
        destination: Node names; one name alone gives its answer alone; None: all workers.
        timeout: Seconds without an answer after which no more are waited for.
        callback: Called with each answer `{node: answer}` as it comes.
        connection: Accepted for Celery's sake.
        app: Whose workers.
        limit: How many answers are enough.
        pattern: What node names must match.
        matcher: `glob` or `pcre`.
    """

    app: "Celeriac" = cast("Celeriac", None)

    def __init__(
        self,
        destination: str | Sequence[str] | None = None,
        timeout: float = 1.0,
        callback: Callable[[Answer], object] | None = None,
        connection: Any = None,
        app: "Celeriac | None" = None,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
    ) -> None:
        self.app = app or self.app
        self.destination, self.timeout, self.callback = destination, timeout, callback
        self.connection, self.limit = connection, limit
        self.pattern, self.matcher = pattern, matcher

    def _request(self, command: str, **arguments: Any) -> Any:
        destination = self.destination
        if isinstance(destination, str):
            destination = [destination]
        return self._prepared(
            self.app.control.broadcast(
                command,
                arguments,
                destination,
                reply=True,
                timeout=self.timeout,
                limit=self.limit,
                callback=self.callback,
                pattern=self.pattern,
                matcher=self.matcher,
            )
        )

    def _prepared(self, reply: Sequence[Mapping[str, Any]] | None) -> Any:
        from .control import flatten_reply

        if not reply:
            return None
        nodes = flatten_reply(reply)
        if isinstance(self.destination, str):
            return nodes.get(self.destination)
        if self.pattern:
            matcher = self.matcher or "glob"
            return {node: nodes[node] for node in nodes if matches(node, self.pattern, matcher)}
        return nodes

    # -- the worker

    def ping(self, destination: str | Sequence[str] | None = None) -> Any:
        """Whether workers are there: `{node: {"ok": "pong"}}`."""
        if destination:
            self.destination = destination
        return self._request("ping")

    def clock(self) -> Any:
        """Logical clocks: `{node: {"clock": n}}`."""
        return self._request("clock")

    def stats(self) -> Any:
        """What workers have done and are made of."""
        return self._request("stats")

    def report(self) -> Any:
        """Versions and settings as text: `{node: {"ok": text}}`."""
        return self._request("report")

    def conf(self, with_defaults: bool = False) -> Any:
        """Settings, secrets hidden."""
        return self._request("conf", with_defaults=with_defaults)

    def hello(self, from_node: str, revoked: Any = None) -> Any:
        """Exchange revoked ids, as a worker does when it comes."""
        return self._request("hello", from_node=from_node, revoked=revoked)

    def active_queues(self) -> Any:
        """The queues that workers work on."""
        return self._request("active_queues")

    def memsample(self) -> Any:
        """Take a sample of the memory in use; needs psutil there."""
        return self._request("memsample")

    def memdump(self, samples: int = 10) -> Any:
        """The samples taken so far."""
        return self._request("memdump", samples=samples)

    def objgraph(
        self,
        type: str = "Request",  # noqa: A002 - Celery's word
        n: int = 200,
        max_depth: int = 10,
    ) -> Any:
        """Draw what refers to objects of a type; needs objgraph there."""
        return self._request("objgraph", num=n, max_depth=max_depth, type=type)

    # -- tasks

    def active(self, safe: bool | None = None) -> Any:
        """Tasks that run."""
        return self._request("active", safe=safe)

    def reserved(self, safe: bool | None = None) -> Any:
        """Tasks that wait in workers for a free slot."""
        return self._request("reserved")

    def scheduled(self, safe: bool | None = None) -> Any:
        """Tasks that wait in workers for their time."""
        return self._request("scheduled")

    def revoked(self) -> Any:
        """Ids of revoked tasks."""
        return self._request("revoked")

    def registered(self, *taskinfoitems: str) -> Any:
        """Names of tasks known to workers, with attributes asked for."""
        return self._request("registered", taskinfoitems=list(taskinfoitems))

    registered_tasks = registered

    def query_task(self, *ids: Any) -> Any:
        """Where tasks are, by their ids: `{node: {id: [where, what]}}`."""
        if len(ids) == 1 and isinstance(ids[0], list | tuple):
            ids = tuple(ids[0])
        return self._request("query_task", ids=list(ids))
