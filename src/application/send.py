"""Send calls: each becomes a message, and a batch of messages one publication."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..domain.errors import (
    BrokerUnavailable,
    EncodeError,
    NotSupported,
    UnserializableArguments,
)
from ..domain.messaging.compose import Sender, compose
from ..domain.messaging.forms import Form
from ..domain.messaging.message import TaskMessage
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.entropy import Entropy
from . import tell_of_publishing
from .signals import before_task_publish

#: Tasks of which a form is kept; all are forgotten when it is one more.
_FORMS_KEPT: Final = 64

Args = Sequence[Any]
Kwargs = Mapping[str, Any]
Shown = Callable[[Sequence[TaskMessage], Callable[[Sequence[TaskMessage]], None]], None]


class Sending:
    """Makes messages and publishes them. One instance serves all threads of an app."""

    def __init__(
        self,
        broker: Callable[[], Broker],
        sender: Sender,
        clock: Clock,
        entropy: Entropy,
        deadline: float,
    ) -> None:
        """Publish within `deadline` seconds or raise.

        `broker` is asked for at the first publication: a worker's child that only makes the
        messages which follow from its tasks never connects, nor imports a driver.
        """
        self._declared = False
        #: Told of what was published, if anybody wants to know.
        self.on_sent: Callable[[Sequence[TaskMessage]], None] | None = None
        #: What the options of a call become by what its task says, if there is such a task.
        self.complete: Callable[[str, Args, Kwargs, Kwargs], Kwargs] | None = None
        #: What others have laid around publications, if they did: it shows them each message.
        self.surround: Callable[[], Shown | None] | None = None
        self._broker, self.sender, self.deadline = broker, sender, deadline
        self._clock, self._entropy = clock, entropy
        #: By task, the form of the call that was composed last.
        self._forms: dict[str, Form] = {}
        #: Whether one of them is to be forgotten with its batch.
        self._brief = False

    def message(
        self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> TaskMessage:
        """Make the message of a call.

        Raises UnserializableArguments naming the argument, TypeError or ValueError for arguments
        and options that make no call.
        """
        check_shape(task, args, kwargs)
        if (asked := options.get("task_id")) is not None:
            _check_id(task, asked)
        if options.get("idempotency_key") is not None:
            raise NotSupported(
                f"{task}: idempotency_key is for single calls (apply_async, send_task): a batch or "
                "a work-flow waits for each of its own calls"
            )
        if self.complete is not None:
            options = self.complete(task, args, kwargs, options)
        try:
            form = self._forms.get(task)
            if form is not None and form.fits(options):
                message = form.message(asked or self._entropy.new_id(), args, kwargs, options)
            else:
                message = self._composed(task, args, kwargs, options)
            if before_task_publish.receivers:
                codec = self.sender.codec
                return tell_of_publishing.before(message, args, kwargs, options, codec)
            return message
        except EncodeError as broken:
            raise self._blamed(task, args, kwargs, options, broken) from broken

    def forget_forms(self) -> None:
        """Compose the next message of each task anew: what the form depends on has changed."""
        self._forms.clear()

    def _composed(
        self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> TaskMessage:
        new_id = self._entropy.new_id()
        now = self._clock.now()
        message = compose(task, args, kwargs, options, self.sender, now=now, new_id=new_id)
        form = Form.of(message, options, self.sender)
        if form is not None:
            if len(self._forms) >= _FORMS_KEPT:
                self._forms.clear()
            self._forms[task] = form
            self._brief = self._brief or not form.lasting
        return message

    def publish(
        self,
        messages: Sequence[TaskMessage],
        *,
        retry: Mapping[str, Any] | None = None,
        within: object | None = None,
    ) -> None:
        """Publish; when it returns, the store has confirmed all of them.

        `retry` is a policy as in `task_publish_retry_policy`; all attempts share the deadline.
        Raises BrokerUnavailable.
        """
        if not messages:
            return
        if self._brief:
            self._forms = {task: form for task, form in self._forms.items() if form.lasting}
            self._brief = False
        if self.surround is not None and (shown := self.surround()) is not None:
            shown(messages, lambda some: self._publish(some, retry, within))
        else:
            self._publish(messages, retry, within)

    def _publish(
        self,
        messages: Sequence[TaskMessage],
        retry: Mapping[str, Any] | None,
        within: object | None,
    ) -> None:
        started = self._clock.monotonic()
        attempt = 0
        while True:
            left = self.deadline - (self._clock.monotonic() - started)
            try:
                self._declare(messages)
                self._broker().publish(messages, deadline=max(left, 0.001), within=within)
                break
            except BrokerUnavailable:
                pause = _pause(retry, attempt) if within is None else None
                left = self.deadline - (self._clock.monotonic() - started)
                if pause is None or pause >= left:
                    raise
            attempt += 1
            self._clock.wait(pause)
        tell_of_publishing.after(messages, self.sender.codec)
        if self.on_sent is not None:
            self.on_sent(messages)

    def _declare(self, messages: Sequence[TaskMessage]) -> None:
        """Make exchanges known before the first message to one: no worker may have been there yet.

        Messages straight to a queue need none. Not declaring for those keeps a publication in
        the caller's transaction from waiting for a lock which that very transaction may hold.
        """
        if self._declared or not any(message.exchange for message in messages):
            return
        bound = [queue for queue in self.sender.router.queues.values() if queue.exchange.name]
        if bound:
            self._broker().declare(bound)
        self._declared = True

    def _blamed(
        self,
        task: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        broken: EncodeError,
    ) -> EncodeError:
        """Find the argument that cannot be encoded, by trying each alone."""
        serializer = options.get("serializer") or self.sender.serializer
        named = [*((str(n), arg) for n, arg in enumerate(args)), *kwargs.items()]
        for name, value in named:
            try:
                self.sender.codec.encode(value, serializer)
            except EncodeError as why:
                kind = type(value).__qualname__
                return UnserializableArguments(task, name, kind, serializer, str(why))
        return broken


def check_shape(task: str, args: object, kwargs: object) -> None:
    """Raise TypeError for arguments that are no list and no mapping."""
    if not isinstance(args, (list, tuple)):
        raise TypeError(
            f"{task}: args={args!r}: expected a list or tuple; one argument is written args=(x,)"
        )
    if type(kwargs) is not dict and not isinstance(kwargs, Mapping):
        raise TypeError(f"{task}: kwargs={kwargs!r}: expected a mapping of names to values")


def _check_id(task: str, asked: object) -> None:
    if not isinstance(asked, str) or not asked or not _is_storable(asked):
        raise ValueError(
            f"{task}: task_id={asked!r}: expected a text that every store can keep, "
            "such as str(uuid4())"
        )


def _is_storable(text: str) -> bool:
    # Stores cut texts at null characters, and have no bytes for half a character.
    return "\0" not in text and (text.isascii() or text.encode("utf-8", "ignore").decode() == text)


def _pause(policy: Mapping[str, Any] | None, attempt: int) -> float | None:
    """Return the seconds before the next attempt; None: no further one."""
    if policy is None:
        return None
    most = policy.get("max_retries", 3)
    if most is not None and attempt >= most:
        return None
    step = policy.get("interval_start", 0) + attempt * policy.get("interval_step", 0.2)
    return float(min(step, policy.get("interval_max", 1)))
