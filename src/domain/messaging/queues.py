"""Queues, exchanges and bindings as data, and where a routing key leads."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

ExchangeKind = Literal["direct", "topic", "fanout"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A named place messages are published to. The nameless direct one leads to a queue's name."""

    name: str = ""
    kind: ExchangeKind = "direct"
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its one binding. Without an exchange it is reached by its own name."""

    name: str
    exchange: Exchange = field(default_factory=Exchange)
    routing_key: str = ""
    durable: bool = True
    max_priority: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """A rule of an exchange: routing keys that match lead to the queue."""

    exchange: Exchange
    routing_key: str
    queue: str


def binding_of(queue: Queue) -> Binding | None:
    """Return the rule by which a queue hangs on its exchange, or None for the nameless one."""
    if not queue.exchange.name:
        return None
    return Binding(queue.exchange, queue.routing_key, queue.name)


def destinations(bindings: Iterable[Binding], exchange: str, routing_key: str) -> tuple[str, ...]:
    """Return the queues that a message published to an exchange reaches, each once."""
    if not exchange:
        return (routing_key,)
    reached = (
        rule.queue
        for rule in bindings
        if rule.exchange.name == exchange and _matches(rule, routing_key)
    )
    return tuple(dict.fromkeys(reached))


def _matches(rule: Binding, routing_key: str) -> bool:
    match rule.exchange.kind:
        case "fanout":
            return True
        case "direct":
            return rule.routing_key == routing_key
        case "topic":
            return topic_matches(rule.routing_key, routing_key)


def topic_matches(pattern: str, key: str) -> bool:
    """Tell whether a routing key matches an AMQP topic pattern."""
    return _topic(pattern).fullmatch(key) is not None


@lru_cache(maxsize=1024)
def _topic(pattern: str) -> re.Pattern[str]:
    """Compile an AMQP topic pattern: `*` is one word, `#` any number of words."""
    out = ""
    words = pattern.split(".")
    for position, word in enumerate(words):
        if word == "#" and position and words[position - 1] == "#":
            continue  # two in a row say no more than one does
        dot = r"\." if position else ""
        match word:
            case "#":
                out += rf"(?:{dot}[^.]+)*" if position else r"(?:[^.]+(?:\.[^.]+)*)?"
            case "*":
                out += rf"{dot}[^.]+"
            case _:
                out += dot + re.escape(word)
    # A leading `#` may stand for no word at all, and then its dot is gone too.
    return re.compile(out.replace(r"(?:[^.]+(?:\.[^.]+)*)?\.", r"(?:[^.]+\.)*", 1))
