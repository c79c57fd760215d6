"""From a task's name and options to the queue, exchange, routing key and priority it travels by.

Order of precedence, as Celery's: what the call or the task says, then the first of `task_routes`
that answers, then the defaults. Routes are mappings (by name, glob or regex), pairs, functions
`route(name, args, kwargs, options, task=None, **kw)`, or objects with `route_for_task`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, NamedTuple, cast

from ..errors import QueueNotFound
from .queues import Exchange, Queue

Answer = Mapping[str, Any] | str | None
Rule = Callable[[str, Sequence[Any], Mapping[str, Any], Mapping[str, Any]], Answer]

_DESTINATION = ("queue", "exchange", "routing_key")


class Route(NamedTuple):
    """Where a message goes. `queue` is empty when only an exchange is known."""

    queue: str
    exchange: str
    routing_key: str
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds when nobody says anything else."""

    queue: str = "celery"
    exchange: str | None = None
    exchange_type: str = "direct"
    routing_key: str | None = None
    create_missing: bool = True


class Router:
    """Knows the queues and the rules. Asking it has no side effects but learning new queues."""

    def __init__(
        self,
        queues: Iterable[Queue] = (),
        rules: Iterable[Rule] = (),
        defaults: Defaults | None = None,
    ) -> None:
        """Know these queues and rules."""
        self.defaults = defaults or Defaults()
        self.queues: dict[str, Queue] = {queue.name: queue for queue in queues}
        self.rules: tuple[Rule, ...] = tuple(rules)
        if self.defaults.queue not in self.queues:
            self.queues[self.defaults.queue] = self._default_queue()
        self._known: dict[str, Route] = {}

    @property
    def by_name(self) -> bool:
        """Whether a task and the options of a call are all that a route depends on."""
        return all(isinstance(rule, MapRule) for rule in self.rules)

    def route(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Route:
        """Return where a call goes. Raises QueueNotFound."""
        if not self.rules and (
            not options or not any(options.get(key) is not None for key in _DESTINATION)
        ):
            return self._by_default()
        found = self._asked(name, args, kwargs, options)
        given = {key: options[key] for key in _DESTINATION if options.get(key) is not None}
        return self._expanded({**_without_destination(found, given), **given})

    def follow(self, rules: Iterable[Rule]) -> None:
        """Follow these rules from now on."""
        self.rules = tuple(rules)
        self._known.clear()

    def queue(self, name: str) -> Queue:
        """Return a queue by name, making it known if missing ones may be made."""
        known = self.queues.get(name)
        if known is None:
            if not self.defaults.create_missing:
                raise QueueNotFound(
                    f"queue {name!r} is not in task_queues ({', '.join(sorted(self.queues))}) and "
                    "task_create_missing_queues is false: add it there, or allow missing ones"
                )
            known = self.queues[name] = Queue(name)
        return known

    def _asked(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        for rule in self.rules:
            answer = rule(name, args, kwargs, options)
            if answer is not None:
                return {"queue": answer} if isinstance(answer, str) else answer
        return {}

    def _by_default(self) -> Route:
        known = self._known.get("")
        if known is None:
            known = self._known[""] = self._expanded({})
        return known

    def _expanded(self, says: Mapping[str, Any]) -> Route:
        extra = {key: value for key, value in says.items() if key not in _DESTINATION}
        asked, exchange, key = (
            says.get("queue"),
            _name(says.get("exchange")),
            says.get("routing_key"),
        )
        if asked is None and exchange:
            return Route("", exchange, key or "", extra)
        if asked is None and exchange is not None:
            asked = key  # the nameless exchange leads to the queue of that name
        if isinstance(asked, Queue):
            self.queues.setdefault(asked.name, asked)
        queue = self.queue(_name(asked) or self.defaults.queue)
        if exchange is None and key is None:
            return Route(queue.name, *_way_to(queue), extra)
        if exchange is None:
            exchange = queue.exchange.name
        if key is None:
            key = queue.routing_key
        # The nameless exchange leads to the queue of the key's name, so the key must be that.
        return Route(queue.name, exchange, key if exchange else queue.name, extra)

    def _default_queue(self) -> Queue:
        says = self.defaults
        if says.exchange is None and says.exchange_type == "direct" and says.routing_key is None:
            return Queue(says.queue)
        kind: Any = says.exchange_type
        exchange = Exchange(says.exchange or says.queue, kind)
        return Queue(says.queue, exchange, says.routing_key or says.queue)


def _way_to(queue: Queue) -> tuple[str, str]:
    """Return exchange and routing key; a direct exchange is bypassed, as Celery does."""
    if not queue.exchange.name or queue.exchange.kind == "direct":
        return "", queue.name
    return queue.exchange.name, queue.routing_key


def _without_destination(found: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Drop a rule's destination where the call names one itself: the two are never mixed."""
    if not given:
        return dict(found)
    return {key: value for key, value in found.items() if key not in _DESTINATION}


def _name(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value.name)


def rules_from(setting: Any) -> tuple[Rule, ...]:
    """Make rules of the value of `task_routes`. Raises ValueError for what is not a route."""
    if not setting:
        return ()
    items = setting if isinstance(setting, list | tuple) else (setting,)
    return tuple(_rule(item) for item in items)


def _rule(item: Any) -> Rule:
    pairs = _pairs(item)
    if isinstance(pairs, list | tuple) and all(map(_is_pair, pairs)):
        return MapRule(pairs)
    if hasattr(item, "route_for_task"):
        return lambda name, args, kwargs, options: item.route_for_task(name, args, kwargs)
    if callable(item):
        return cast("Rule", item)
    raise ValueError(
        f"task_routes has {item!r}: expected a mapping such as {{'shop.*': {{'queue': 'shop'}}}}, "
        "a function, or the dotted name of one"
    )


def _pairs(item: Any) -> Any:
    return list(item.items()) if isinstance(item, Mapping) else item


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str | re.Pattern)
    )


class MapRule:
    """Routes by exact name first, then by globs and regexes in their order."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Sort the pairs into names and patterns."""
        self._names: dict[str, Answer] = {}
        self._patterns: list[tuple[re.Pattern[str], Answer]] = []
        for key, value in pairs:
            if isinstance(key, re.Pattern):
                self._patterns.append((key, value))
            elif any(char in key for char in "*?["):
                self._patterns.append((re.compile(translate(key)), value))
            else:
                self._names[key] = value

    def __call__(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Answer:
        """Return the route of the first match."""
        if name in self._names:
            return self._names[name]
        return next((to for pattern, to in self._patterns if pattern.match(name)), None)
