"""`celery.app.routes`: rules that say where calls go."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.errors import QueueNotFound
from ...domain.messaging.routing import MapRule, rules_from
from ...domain.tasks.options import merged
from ..library.celery_shape import loaded

__all__ = ["MapRoute", "Router", "expand_router_string", "prepare"]


class MapRoute(MapRule):
    """A rule that is a mapping of names, globs or regexes to queues or options."""

    def __init__(self, map: Any) -> None:  # noqa: A002 - Celery's name
        """Take a mapping, or pairs."""
        super().__init__(map.items() if isinstance(map, Mapping) else map)

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return options of the first match, to be changed at will; None without one."""
        said = super().__call__(name, (), {}, {})
        if said is None:
            return None
        return {"queue": said} if isinstance(said, str) else dict(said)


def expand_router_string(router: str) -> Any:
    """Return the router that a path names; one with `route_for_task` is that method."""
    found = loaded(router)
    made = found() if isinstance(found, type) else found
    return getattr(made, "route_for_task", made)


def prepare(routes: Any) -> tuple[Any, ...]:
    """Return the rules of the setting `task_routes`."""
    if isinstance(routes, list | tuple):
        routes = [expand_router_string(r) if isinstance(r, str) else r for r in routes]
    elif isinstance(routes, str):
        routes = [expand_router_string(routes)]
    return tuple(rules_from(routes))


class Router:
    """Asks rules, one after the other, for the options of a call.

    Args:
        routes: Rules, or a setting as `prepare` reads it.
        queues: The queues known, by name.
        create_missing: Whether a rule may name others.
        app: The app, for queues that are created.
    """

    def __init__(
        self,
        routes: Any = None,
        queues: Mapping[str, Any] | None = None,
        create_missing: bool = False,
        app: Any = None,
    ) -> None:
        self.app, self.create_missing = app, create_missing
        self.queues = {} if queues is None else queues
        self.routes = prepare(routes) if routes else ()

    def route(
        self,
        options: Mapping[str, Any],
        name: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        task_type: Any = None,
    ) -> dict[str, Any]:
        """Return the options of a call with its destination; what the call says itself wins.

        Raises QueueNotFound.
        """
        given = self.expand_destination(options)
        if "queue" in given:
            return given
        said = self.lookup_route(name, args, kwargs, given, task_type)
        if not said and self.app is not None:
            said = self.app.conf.task_default_queue
        return merged(self.expand_destination(said) if said else None, given)

    def expand_destination(self, route: Any) -> dict[str, Any]:
        """Return options whose `queue` is a queue, not its name. Raises QueueNotFound."""
        found = {"queue": route} if isinstance(route, str) else dict(route)
        name = found.get("queue")
        if name is None:
            found.pop("queue", None)
        elif isinstance(name, str):
            found["queue"] = self._queue(name)
        return found

    def lookup_route(
        self,
        name: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        task_type: Any = None,
    ) -> Any:
        """Return what the first rule says that says anything, or None."""
        for rule in self.routes:
            said = self.query_router(rule, name, args, kwargs or {}, options or {}, task_type)
            if said:
                return said
        return None

    def query_router(
        self, router: Any, task: str, args: Any, kwargs: Any, options: Any, task_type: Any = None
    ) -> Any:
        """Return what one rule says."""
        return router(task, args, kwargs, options)

    def _queue(self, name: str) -> Any:
        if name in self.queues:
            return self.queues[name]
        if self.create_missing and self.app is not None:
            return self.app.amqp.queues.add(name)
        raise QueueNotFound(
            f"queue {name!r} is not among those known ({', '.join(sorted(self.queues))})"
        )
