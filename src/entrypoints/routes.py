"""The router that settings describe: `task_queues`, `task_routes` and the `task_default_*` ones.

Queues may be kombu's objects, ours, or plain names; only their attributes are looked at.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from ..domain.errors import ImproperlyConfigured
from ..domain.messaging.queues import Exchange, Queue
from ..domain.messaging.routing import Defaults, Router, Rule, rules_from
from ..domain.settings import Settings


def router_of(settings: Settings) -> Router:
    """Make the router. Raises ImproperlyConfigured for a queue or route that is none."""
    defaults = Defaults(
        queue=settings.task_default_queue,
        exchange=settings.task_default_exchange,
        exchange_type=settings.task_default_exchange_type,
        routing_key=settings.task_default_routing_key,
        create_missing=settings.task_create_missing_queues,
    )
    return Router(queues_from(settings.task_queues, defaults), rules_of(settings), defaults)


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """Make the rules of `task_routes`. Raises ImproperlyConfigured."""
    try:
        return rules_from(_imported(settings.task_routes))
    except ValueError as broken:
        raise ImproperlyConfigured(str(broken)) from broken


def queues_from(setting: Any, defaults: Defaults) -> list[Queue]:
    """Make queues of the value of `task_queues`."""
    if not setting:
        return []
    if isinstance(setting, Mapping):
        return [_described(name, options or {}, defaults) for name, options in setting.items()]
    return [_queue(item) for item in setting]


def _described(name: str, options: Mapping[str, Any], defaults: Defaults) -> Queue:
    kind: Any = options.get("exchange_type", defaults.exchange_type)
    exchange = options.get("exchange")
    if exchange is None and kind == "direct" and options.get("routing_key") is None:
        return Queue(name, **_declared(options.get))
    key = options.get("routing_key") or options.get("binding_key") or name
    return Queue(name, Exchange(exchange or name, kind), key, **_declared(options.get))


def _declared(asked: Callable[[str], Any]) -> dict[str, Any]:
    """Return how a queue is declared, where the broker declares them."""
    return {
        "durable": asked("durable") is not False,
        "max_priority": asked("max_priority"),
        "arguments": dict(asked("queue_arguments") or {}),
    }


def _queue(item: Any) -> Queue:
    if isinstance(item, Queue):
        return item
    if isinstance(item, str):
        return Queue(item)
    name, exchange = getattr(item, "name", None), getattr(item, "exchange", None)
    if not isinstance(name, str):
        raise ImproperlyConfigured(
            f"task_queues has {item!r}: expected a queue, its name, or a mapping of names"
        )
    exchange_name = getattr(exchange, "name", "") or ""
    told = _declared(lambda field: getattr(item, field, None))
    if not exchange_name:
        return Queue(name, **told)
    kind: Any = getattr(exchange, "type", "direct")
    made = Exchange(exchange_name, kind, durable=getattr(exchange, "durable", True) is not False)
    return Queue(name, made, getattr(item, "routing_key", "") or name, **told)


def _imported(routes: Any) -> Any:
    """Replace dotted names by what they stand for."""
    if isinstance(routes, str):
        return [_import(routes)]
    if isinstance(routes, list | tuple):
        items: Iterable[Any] = routes
        return [_import(item) if isinstance(item, str) else item for item in items]
    return routes


def _import(path: str) -> Any:
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as broken:
        raise ImproperlyConfigured(
            f"task_routes names {path!r}, which cannot be imported"
        ) from broken
