"""Consuming as kombu's users know it: a class says what it hears, and is told how it goes.

Override `get_consumers`; `extra_context` and the methods that begin with `on_` if need be; then
`run`, or iterate over `consume`. While the store is away this goes on by itself, and says so.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ...application.watch_events import Watching
from ...domain.cluster.speech import BusMessage, Topic
from ...domain.errors import BrokerUnavailable, NotSupported
from ...domain.work.limits import Bucket
from .connections import Channel, Connection
from .consumers import Consumer, Heard

if TYPE_CHECKING:
    from .app import Celeriac

logger = logging.getLogger("celery.events")

#: The pause while the store is away, in seconds.
PAUSE_SECONDS: Final = 1.0

Consumers = tuple[Connection, Channel, Sequence[Consumer]]


class RestartLimit:
    """How often `run` begins anew: so many times a second at most."""

    def __init__(self, rate: float = 1.0) -> None:
        """Start full."""
        self._bucket, self._wait = Bucket(rate), 0.0

    def can_consume(self, tokens: int = 1) -> bool:
        """Take a token if there is one, and say whether there was."""
        self._wait = self._bucket.take(time.monotonic())
        return not self._wait

    def expected_time(self, tokens: int = 1) -> float:
        """Return the seconds until there is one, as of the last time there was none."""
        return self._wait


class Consuming:
    """What hears queues until `should_stop` is set."""

    app: "Celeriac | None" = None
    should_stop: bool = False
    #: How often reaching the broker is tried; None: until it is there.
    connect_max_retries: int | None = None

    _watching: Watching
    _restarts: RestartLimit | None = None
    #: Whether it is used as a context: it then hears between two captures too.
    _stays = False

    # -- for subclasses to override

    def get_consumers(self, Consumer: Any, channel: Any) -> Sequence[Any]:
        """Return what is to be heard: consumers, made by calling `Consumer`."""
        raise NotImplementedError("a subclass says what it hears: override get_consumers")

    def extra_context(self, connection: Any, channel: Any) -> AbstractContextManager[Any]:
        """Return a context that is entered while messages are heard."""
        return nullcontext()

    def on_consume_ready(
        self, connection: Any, channel: Any, consumers: Sequence[Any], **kwargs: Any
    ) -> None:
        """Be told that it hears from now on; keywords are those of `consume`."""

    def on_consume_end(self, connection: Any, channel: Any) -> None:
        """Be told that it hears no more."""

    def on_iteration(self) -> None:
        """Be told that it looks for messages: once a second at least."""

    def on_decode_error(self, message: Heard, exc: Exception) -> None:
        """Be told of a message in which there is nothing to be read; it is passed over."""
        logger.error("passed over what cannot be read: %s (%.200r)", exc, message.body)

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        """Be told that the broker is away, and when it is tried again."""
        logger.warning("the broker is away, trying again in %g s: %s", interval, exc)

    def on_connection_revived(self) -> None:
        """Be told that the broker is there, at the beginning and again."""

    # -- the broker

    def _app(self) -> "Celeriac":
        if self.app is None:
            from .current import get_current

            self.app = get_current()
        return self.app

    @property
    def connection(self) -> Connection:
        """The way to the broker."""
        return self._app().connection_for_read()

    @property
    def connection_errors(self) -> tuple[type[Exception], ...]:
        """What a lost connection raises."""
        return self.connection.connection_errors

    @property
    def channel_errors(self) -> tuple[type[Exception], ...]:
        """What a refused request raises: nothing of its own here."""
        return self.connection.channel_errors

    @property
    def restart_limit(self) -> Any:
        """How often `run` begins anew; a property may return a token bucket of kombu's too."""
        if self._restarts is None:
            self._restarts = RestartLimit()
        return self._restarts

    def create_connection(self) -> Connection:
        """Return a way to the broker."""
        return self.connection.clone()

    @contextmanager
    def establish_connection(self) -> Iterator[Connection]:
        """Give a way to the broker that leads there; see `connect_max_retries`."""
        with self.create_connection() as connection:
            connection.ensure_connection(self.on_connection_error, self.connect_max_retries)
            yield connection

    def maybe_conn_error(self, fun: Callable[[], Any]) -> Any:
        """Return what a function returns, or nothing if the broker is away."""
        try:
            return fun()
        except (*self.connection_errors, *self.channel_errors):
            return None

    # -- consuming

    @contextmanager
    def Consumer(self) -> Iterator[Consumers]:
        """Give connection, channel and consumers; what is said meanwhile is heard."""
        with self.establish_connection() as connection:
            self.on_connection_revived()
            channel = connection.channel()
            consumers = list(self.get_consumers(partial(Consumer, channel), channel))
            self._watching.listen(_topics(consumers))
            try:
                yield connection, channel, consumers
            finally:
                if not self._stays:
                    self._watching.close()

    @contextmanager
    def consumer_context(self, **kwargs: Any) -> Iterator[Consumers]:
        """Give the same within `extra_context`, and tell when it begins and ends."""
        with (
            self.Consumer() as (connection, channel, consumers),
            self.extra_context(connection, channel),
        ):
            self.on_consume_ready(connection, channel, consumers, **kwargs)
            try:
                yield connection, channel, consumers
            finally:
                self.on_consume_end(connection, channel)

    def consume(
        self,
        limit: int | None = None,
        timeout: float | None = None,
        safety_interval: float = 1,
        **kwargs: Any,
    ) -> Iterator[int]:
        """Hand messages on until `limit` of them came or `should_stop` is set.

        Yields after each how many there were; looks up every `safety_interval` seconds. Keywords
        are those of `on_consume_ready`. Raises TimeoutError when for `timeout` seconds none came.
        """
        clock, count = self._app().container.clock(), 0
        with self.consumer_context(**kwargs) as (_, channel, consumers):
            heard_at = clock.monotonic()
            while not self._is_over(count, limit):
                if timeout is not None and clock.monotonic() - heard_at >= timeout:
                    raise TimeoutError(f"no event came for {timeout:g} s")
                self.on_iteration()
                for said in self._look(min(safety_interval, timeout or safety_interval)):
                    heard_at = clock.monotonic()
                    for consumer in consumers:
                        if consumer.wants(said):
                            consumer.receive(said.body, Heard(said, channel))
                    count += 1
                    yield count
                    if self._is_over(count, limit):
                        return

    def run(self, _tokens: int = 1, **kwargs: Any) -> None:
        """Hand messages on until `should_stop` is set; begins anew if the broker is lost."""
        clock = self._app().container.clock()
        while not self.should_stop:
            limit = self.restart_limit
            if not limit.can_consume(_tokens):
                clock.wait(limit.expected_time(_tokens))
                continue
            try:
                for _ in self.consume(limit=None, **kwargs):
                    pass
            except self.connection_errors as lost:
                logger.warning("the broker is lost, beginning anew: %s", lost)

    def _is_over(self, count: int, limit: int | None) -> bool:
        return self.should_stop or (limit is not None and count >= limit)

    def _look(self, wait: float) -> Sequence[BusMessage]:
        lost = False
        while not self.should_stop:
            try:
                said = self._watching.look(wait)
            except BrokerUnavailable as away:
                lost = True
                self.on_connection_error(away, PAUSE_SECONDS)
                self._app().container.clock().wait(PAUSE_SECONDS)
                continue
            if lost:
                self.on_connection_revived()
            return said
        return ()


def _topics(consumers: Sequence[Any]) -> list[Topic]:
    wanted: list[Topic] = []
    for consumer in consumers:
        if not isinstance(consumer, Consumer):
            raise NotSupported(
                f"get_consumers has returned {consumer!r}: make consumers by the Consumer that it "
                "is given, since what is said to all is heard by celeriac, not by kombu"
            )
        wanted += consumer.topics
    return wanted
