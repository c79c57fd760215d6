"""Publishing a batch: everything is sent, then all confirmations are waited for at once.

A message nobody has a queue for comes back (`mandatory`), and is an error. So that a wrong route
spoils nothing else, the first message by each new route goes ahead of its batch and is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from ...domain.errors import BrokerUnavailable, QueueNotFound
from . import frames
from .declarations import Declarations
from .driver import amqp
from .link import Link
from .packet import Packet, from_amqp, properties_written

#: Messages sent between two looks at what the server says meanwhile.
_AT_ONCE: Final = 500


@dataclass(slots=True)
class Letter:
    """A packet with its address. `queue` is the name of the one it is for, if that is known."""

    packet: Packet
    exchange: str
    key: str
    queue: str = ""


#: A letter with its properties as they are sent.
_Ready = tuple[Letter, bytes]


@dataclass(slots=True)
class _Round:
    """What became of the messages sent since the last wait."""

    open: set[int] = field(default_factory=set)
    refused: int = 0
    returned: list[tuple[str, str, str]] = field(default_factory=list)


class Publisher:
    """Publishes by one link. The link's lock must be held throughout."""

    def __init__(self, link: Link, declarations: Declarations, *, confirm: bool = True) -> None:
        self._link, self._declarations, self._confirm = link, declarations, confirm
        self._channel: Any = None
        self._generation = 0
        self._sent = 0
        self._round = _Round()

    def publish(self, letters: Sequence[Letter], ends: float) -> None:
        """Publish letters until the monotonic time `ends`.

        Raises QueueNotFound for a route that leads nowhere, BrokerUnavailable.
        """
        messages = [(letter, properties_written(letter.packet)) for letter in letters]
        ahead = self._by_new_routes(messages)
        if ahead:
            self._send(ahead, ends)
            for letter, _ in ahead:
                self._declarations.remember("route", f"{letter.exchange} {letter.key}")
            gone = {id(letter) for letter, _ in ahead}
            messages = [pair for pair in messages if id(pair[0]) not in gone]
        if messages:
            self._send(messages, ends)

    def say(self, letters: Sequence[Letter], ends: float) -> None:
        """Publish letters that need not reach anybody."""
        self._round_trip(
            [(letter, properties_written(letter.packet)) for letter in letters], ends, False
        )

    # -- steps

    def _by_new_routes(self, messages: Sequence[_Ready]) -> list[_Ready]:
        first: dict[tuple[str, str], _Ready] = {}
        for letter, message in messages:
            route = (letter.exchange, letter.key)
            if letter.queue or self._declarations.remembers("route", " ".join(route)):
                continue
            first.setdefault(route, (letter, message))
        for (exchange, _), (letter, _) in first.items():
            if not self._declarations.has_exchange(self._declarations.local(exchange)):
                name = self._declarations.local(exchange)
                lost = QueueNotFound(
                    f"there is no exchange {name!r} in {self._link.where}; declare a queue that is "
                    "bound to it (task_queues)"
                )
                lost.message_id = letter.packet.task_id
                raise lost
        return list(first.values())

    def _send(self, messages: Sequence[_Ready], ends: float) -> None:
        returned = self._round_trip(messages, ends)
        if returned and (again := self._deleted(messages, returned)):
            returned = self._round_trip(again, ends)
        if returned:
            exchange, key, task_id = returned[0]
            name = self._declarations.local(exchange)
            lost = QueueNotFound(
                f"exchange {name!r} with routing key {key!r} leads to no queue in "
                f"{self._link.where}; declare one that is bound to it (task_queues)"
            )
            lost.message_id = task_id
            raise lost

    def _deleted(
        self, messages: Sequence[_Ready], returned: Sequence[tuple[str, str, str]]
    ) -> list[_Ready]:
        """Make queues again that somebody deleted; return what is to be sent once more."""
        routes = {(exchange, key) for exchange, key, _ in returned}
        again = [
            (letter, message)
            for letter, message in messages
            if letter.queue and (letter.exchange, letter.key) in routes
        ]
        if len(again) < len(returned):
            return []
        for name in {letter.queue for letter, _ in again}:
            self._declarations.forget(name)
            self._declarations.queue(name)
        return again

    def _round_trip(
        self, messages: Sequence[_Ready], ends: float, mandatory: bool = True
    ) -> list[tuple[str, str, str]]:
        try:
            return self._sent_and_confirmed(messages, ends, mandatory)
        except amqp().exceptions.ChannelError as error:
            # py-amqp opens it again, but it would confirm nothing.
            self._channel = None
            if isinstance(error, amqp().exceptions.NotFound):
                raise QueueNotFound(f"{self._link.where}: {error}") from error
            raise

    def _sent_and_confirmed(
        self, messages: Sequence[_Ready], ends: float, mandatory: bool
    ) -> list[tuple[str, str, str]]:
        channel = self._ready_channel()
        done = self._round = _Round()
        number, most = channel.channel_id, self._link.connection.frame_max
        for start in range(0, len(messages), _AT_ONCE):
            if start:
                self._link.drain_all()
            written: list[bytes] = []
            for letter, properties in messages[start : start + _AT_ONCE]:
                self._sent += 1
                if self._confirm:
                    done.open.add(self._sent)
                address = (letter.exchange, letter.key, properties, letter.packet.body)
                written.append(frames.publish(number, *address, most, must=mandatory))
            self._link.send(written)
        while done.open:
            left = ends - monotonic()
            if left <= 0 or not self._link.drain(left):
                error = self._link.too_late()
                # Confirmations of these must not be taken for those of later ones.
                self._link.drop()
                raise error
        if done.refused:
            raise BrokerUnavailable(
                f"{self._link.where} refused {done.refused} of {len(messages)} messages: a queue "
                "is full, or one of its replicas is away"
            )
        return done.returned

    def _ready_channel(self) -> Any:
        channel = self._channel
        if channel is None or self._generation != self._link.generation or not channel.is_open:
            channel = self._channel = self._link.channel()
            self._generation = self._link.generation
            self._sent = 0
            if self._confirm:
                channel.confirm_select()
            self._link.inflow.confirmed[channel.channel_id] = self._on_ack
            channel.events["basic_ack"].add(self._on_ack)
            channel.events["basic_nack"].add(self._on_nack)
            channel.events["basic_return"].add(self._on_return)
        return channel

    def _on_ack(self, tag: int, multiple: bool) -> None:
        waiting = self._round.open
        if multiple:
            waiting.difference_update([one for one in waiting if one <= tag])
        else:
            waiting.discard(tag)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        before = len(self._round.open)
        self._on_ack(tag, multiple)
        self._round.refused += before - len(self._round.open)

    def _on_return(self, error: Any, exchange: str, key: str, message: Any) -> None:
        self._round.returned.append((exchange, key, from_amqp(message).task_id))
