"""How a signal finds those who connected to it.

What must stay true: a signal nobody connected to costs one look at `receivers`, so whoever sends
looks there first; a receiver that raises is logged and hinders neither the others nor the sender.
"""

import logging
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, overload

logger = logging.getLogger("celeriac.signals")

P = ParamSpec("P")
R = TypeVar("R")

#: Attempts of a receiver connected with `retry=True`, and the pauses between them, in seconds.
ATTEMPTS: Final = 100
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0


class Connection(NamedTuple):
    """Who is called for which sender. `refer` gives the receiver, or None once it is gone."""

    key: tuple[Any, Any]
    refer: Callable[[], Any]
    sender: Any
    retry: bool


class Signal:
    """Something that may happen, and who wants to know."""

    def __init__(
        self,
        providing_args: Iterable[str] | None = None,
        use_caching: bool = False,
        name: str | None = None,
    ) -> None:
        """Name it, and what it is sent with; both are for people to read.

        `use_caching` is accepted for Celery's sake: nothing here needs a cache.
        """
        self.providing_args = set(providing_args or ())
        self.use_caching = use_caching
        self.name = name
        #: Empty: nobody listens, and there is nothing to send.
        self.receivers: list[Connection] = []
        self._changing = Lock()
        self._has_dead = False

    @overload
    def connect(
        self,
        fun: Callable[P, R],
        sender: Any = ...,
        weak: bool = ...,
        dispatch_uid: Any = ...,
        retry: bool = ...,
    ) -> Callable[P, R]: ...
    @overload
    def connect(
        self,
        fun: None = ...,
        sender: Any = ...,
        weak: bool = ...,
        dispatch_uid: Any = ...,
        retry: bool = ...,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    def connect(
        self,
        fun: Any = None,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        retry: bool = False,
    ) -> Any:
        """Have a receiver called; also as decorator, with arguments or without.

        Args:
            fun: The receiver; it must accept any keyword argument (`**kwargs`).
            sender: Hear of this sender only; None: of all.
            weak: Keep a weak reference only: a receiver that nobody else holds is forgotten.
            dispatch_uid: Connect once under this key, whatever the receiver.
            retry: Call a receiver that raises again, until it does not.

        Raises:
            TypeError: The receiver cannot be called.
            ValueError: The receiver does not accept any keyword argument.
        """

        def connect(receiver: Callable[P, R]) -> Callable[P, R]:
            _check(receiver, self)
            key = _key(receiver, dispatch_uid, sender)
            refer = self._weakly(receiver) if weak else lambda: receiver
            with self._changing:
                if all(known.key != key for known in self._living()):
                    made = Connection(key, refer, sender, retry)
                    self.receivers = [*self._living(), made]
            return receiver

        return connect if fun is None else connect(fun)

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        sender: Any = None,
        weak: bool | None = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """Call a receiver no more; tell whether it was connected. `weak` is not looked at."""
        key = _key(receiver, dispatch_uid, sender)
        with self._changing:
            left = [known for known in self._living() if known.key != key]
            found = len(left) < len(self.receivers)
            self.receivers = left
        return found

    def has_listeners(self, sender: Any = None) -> bool:
        """Tell whether anybody would hear it from this sender."""
        return next(self._heard_by(sender), None) is not None

    def send(self, sender: Any = None, **named: Any) -> list[tuple[Callable[..., Any], Any]]:
        """Call all receivers; return each with what it returned, or with what it raised."""
        if self._has_dead:
            self._bury()
        answers: list[tuple[Callable[..., Any], Any]] = []
        for receiver, retry in self._heard_by(sender):
            call = _persistent(receiver) if retry else receiver
            answer: Any
            try:
                answer = call(signal=self, sender=sender, **named)
            except Exception as raised:
                logger.exception("Signal handler %r raised: %r", receiver, raised)
                answer = raised
            answers.append((receiver, answer))
        return answers

    #: Every sending is robust: no receiver hinders another.
    send_robust = send

    def _heard_by(self, sender: Any) -> Iterator[tuple[Callable[..., Any], bool]]:
        who = identity(sender)
        for _, refer, wanted, retry in self.receivers:
            if wanted is None or identity(wanted) == who:
                receiver = refer()
                if receiver is not None:
                    yield receiver, retry

    def _weakly(self, receiver: Any) -> Callable[[], Any]:
        bound = hasattr(receiver, "__self__") and hasattr(receiver, "__func__")
        return (weakref.WeakMethod if bound else weakref.ref)(receiver, self._note_death)

    def _note_death(self, _: Any) -> None:
        # The garbage collector calls, maybe within a change: it must not wait for one to end.
        self._has_dead = True

    def _living(self) -> list[Connection]:
        return [known for known in self.receivers if known.refer() is not None]

    def _bury(self) -> None:
        with self._changing:
            self._has_dead = False
            self.receivers = self._living()

    def __repr__(self) -> str:
        """Show the name."""
        return f"<{type(self).__name__}: {self.name} providing_args={self.providing_args!r}>"

    def __reduce__(self) -> Any:
        """Pickle as a signal of the same name, without those who listen here."""
        return type(self), (self.providing_args, self.use_caching, self.name)


def identity(sender: Any) -> Any:
    """Return what tells one sender from another: texts by their value, others by who they are.

    An object that only stands for another, such as a shared task, is that other.
    """
    stands_for = getattr(type(sender), "_get_current_object", None)
    if stands_for is not None:
        sender = stands_for(sender)
    return sender if isinstance(sender, str | bytes) or sender is None else id(sender)


def _key(receiver: Any, dispatch_uid: Any, sender: Any) -> tuple[Any, Any]:
    # A stand-in counts as itself here: what it stands for may not be there yet.
    from_whom = sender if isinstance(sender, str | bytes) else id(sender)
    if dispatch_uid is not None:
        return dispatch_uid, from_whom
    owner = getattr(receiver, "__self__", None)
    fun = getattr(receiver, "__func__", None)
    return (id(receiver) if fun is None else (id(owner), id(fun))), from_whom


def _check(receiver: Any, signal: Signal) -> None:
    if not callable(receiver):
        raise TypeError(f"{receiver!r} cannot be connected to {signal.name}: it is not callable")
    if not _accepts_keywords(receiver):
        raise ValueError(
            f"{receiver!r} cannot be connected to {signal.name}: it must accept **kwargs, since "
            "a signal may be sent with more than it names"
        )


def _accepts_keywords(receiver: Any) -> bool:
    code = getattr(getattr(receiver, "__func__", receiver), "__code__", None)
    if code is not None and not hasattr(receiver, "__wrapped__"):
        return bool(code.co_flags & 0x08)  # CO_VARKEYWORDS; inspect costs megabytes to import
    import inspect

    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):
        return True  # it says nothing about itself
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _persistent(receiver: Callable[..., Any]) -> Callable[..., Any]:
    def call(**named: Any) -> Any:
        pause = FIRST_PAUSE
        for _ in range(ATTEMPTS - 1):
            try:
                return receiver(**named)
            except Exception as raised:
                text = "Signal handler %r raised %r; it is called again in %g s"
                logger.warning(text, receiver, raised, pause)
                time.sleep(pause)
                pause = min(pause + FIRST_PAUSE, LONGEST_PAUSE)
        return receiver(**named)

    return call
