"""Strategies of users' own (`Task.Strategy`): tasks that receive their messages by themselves.

Each is made once, when the worker has joined; what it returns is called with each message. All of
it happens on the hub's thread, also what its timer and its pool call back: strategies need no
locks, and have to be quick. Only acknowledging may be done from elsewhere.

What must stay true: whatever a strategy does or raises, the hub goes on, and no delivery is
forgotten. One whose handler raised is recorded as a failure and kept as a dead letter, since given
back it would come again and again. Those of a call that raised, and that nobody else is told of,
come to that error as tasks that raised it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..application.call_function import packed, value_of
from ..application.hand_over import HandingWorker, Receivers
from ..application.tell_of_runs import error_info
from ..domain.errors import ImproperlyConfigured, WorkerLostError
from ..domain.tasks import states
from ..domain.work.effects import CallBegan, CallEnded, Effect, HandingEffect, HandOver
from ..domain.work.handing import HandingCore, Said
from ..domain.work.settlement import DeadLetter, Disposition
from .library.task import Task
from .library.task_shape import receivers
from .received import ReceivedMessage
from .strategy_consumer import Asked, StrategyConsumer

if TYPE_CHECKING:
    from ..application.work import Worker
    from ..domain.work.core import WorkerPolicy
    from ..domain.work.intake import FindTask
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")


def handing_core(
    receiving: Mapping[str, Any],
) -> "Callable[[WorkerPolicy, FindTask], HandingCore]":
    """Return what makes a core that hands over what is for these tasks."""
    gathers = {name: _gathers(task) for name, task in receiving.items()}
    return lambda policy, find: HandingCore(policy, find, gathers)


def hand_over(outer: "AppWorker", shell: "Worker") -> None:
    """Have a worker's shell hand over. Raises ImproperlyConfigured, and what strategies raise."""
    assert isinstance(shell, HandingWorker)
    shell.receivers = Strategies(outer, shell)


def _gathers(task: Any) -> int:
    """Return how many messages a task wants at once: `flush_every`, as in celery-batches."""
    asked = getattr(task, "flush_every", 0)
    return asked if isinstance(asked, int) and asked > 0 else 0


class Strategies(Receivers):
    """Those of one worker."""

    def __init__(self, outer: "AppWorker", shell: HandingWorker) -> None:
        """Make them."""
        self._shell, self._app = shell, outer.app
        self._clock, self._codec = outer.app.container.clock(), outer.app.container.codec()
        self._numbers: dict[str, set[int]] = {}
        self._ids: dict[int, str] = {}
        self._asked: dict[int, Asked] = {}
        self._here: int | None = None
        self._said: list[Said] = []
        self._effects: list[Effect] = []
        self._handlers: dict[str, Callable[..., Any]] = {}
        for name, task in receivers(outer.app.tasks.values()).items():
            if name in shell.core.receiving:
                handler = task.start_strategy(outer.app, StrategyConsumer(outer, self, name))
                if not callable(handler):
                    raise ImproperlyConfigured(
                        f"{name}.Strategy={task.Strategy!r} returned {handler!r}: expected a "
                        "function of (message, body, ack, reject, callbacks)"
                    )
                self._handlers[name] = handler

    def take(self, told: Sequence[HandingEffect]) -> Iterable[Effect]:
        """Take in what the core says."""
        return self._on_hub(lambda: self._take_all(told))

    # -- what strategies do

    def ask(self, asked: Asked) -> None:
        """Have a function run at the pool."""
        if self._is_here:
            self._call(asked)
        else:
            self._shell.ask(lambda core: self._on_hub(lambda: self._call(asked)))

    def later(self, act: Callable[[], Any]) -> None:
        """Do something on the hub's thread, soon."""
        self._shell.ask(lambda core: self._on_hub(lambda: self._guarded("its timer", act)))

    def _say(self, number: int, disposition: Disposition) -> None:
        if self._is_here:
            self._said.append((number, disposition))
        else:
            self._shell.ask(lambda core: self._on_hub(lambda: self._say(number, disposition)))

    # -- on the hub's thread

    @property
    def _is_here(self) -> bool:
        return self._here == threading.get_ident()

    def _on_hub(self, act: Callable[[], Any]) -> list[Effect]:
        """Do something; what it says of many deliveries is settled in one batch."""
        self._here = threading.get_ident()
        try:
            act()
            self._settle()
            return self._effects
        finally:
            self._here, self._effects = None, []

    def _settle(self) -> None:
        said, self._said = self._said, []
        if said:
            self._forget(number for number, _ in said)
            self._effects += self._shell.core.on_said(said)

    def _take_all(self, told: Sequence[HandingEffect]) -> None:
        for one in told:
            match one:
                case HandOver():
                    self._receive(one)
                case CallBegan(number, pid):
                    if asked := self._asked.get(number):
                        self._accepted(asked, pid)
                case CallEnded():
                    self._ended(one)

    def _receive(self, handed: HandOver) -> None:
        number, delivery = handed.number, handed.delivery
        id_, name = delivery.message.id, delivery.message.task
        self._ids[number] = id_
        self._numbers.setdefault(id_, set()).add(number)
        message = ReceivedMessage(number, delivery, self._codec, self._say)
        try:
            self._handlers[name](
                message, None, message.ack_log_error, message.reject_log_error, set()
            )
        except Exception as error:
            logger.exception("the strategy of %s failed with task %s, put aside", name, id_)
            away = DeadLetter("strategy", f"the strategy of {name} raised {error!r}")
            self._fail([number], error, away)

    def _call(self, asked: Asked) -> None:
        core, about = self._shell.core, None
        try:
            id_ = self._app.container.entropy().new_id()
            message, ids = packed(id_, asked.fun, asked.args, asked.kwargs, Task, self._numbers)
        except Exception as error:
            logger.exception("%s: what is to be run cannot be pickled", asked.name)
            self._fail(core.loose(asked.name), error)
            return
        if ids:
            about = [number for one in ids for number in self._numbers[one]]
        number = core.call(
            message,
            asked.name,
            about,
            soft_limit=asked.soft_timeout,
            hard_limit=asked.timeout,
        )
        if number is None:
            logger.warning(
                "%s: not run, since the tasks it is about were given back or the worker stops",
                asked.name,
            )
            self._forget(about or ())
        else:
            self._asked[number] = asked

    def _accepted(self, asked: Asked, pid: int) -> None:
        accept, asked.accept_callback = asked.accept_callback, None
        if accept is not None:
            self._guarded(asked.name, lambda: accept(pid, self._clock.monotonic()))

    def _ended(self, ended: CallEnded) -> None:
        asked = self._asked.pop(ended.number, None)
        if asked is None:
            return
        if ended.report is None:
            logger.warning("%s: a call came to no end: %s", asked.name, ended.cause)
            self._forget(ended.about)
            self._failed(asked, WorkerLostError(ended.cause), "")
            return
        self._accepted(asked, 0)
        try:
            value = value_of(ended.report)
        except Exception as error:
            self._failed(asked, error, "")
            self._fail(ended.about, error)
            return
        if ended.report.state == states.SUCCESS:
            if (callback := asked.callback) is not None:
                self._guarded(asked.name, lambda: callback(value))
            return
        trace = ended.report.traceback or ""
        logger.error("%s: a call raised %s\n%s", asked.name, ended.report.summary, trace)
        if not self._failed(asked, value, trace):
            self._fail(ended.about, value)

    def _failed(self, asked: Asked, error: BaseException, trace: str) -> bool:
        """Tell whoever wants to know of errors; return whether anybody does."""
        callback = asked.error_callback
        if callback is None:
            return False
        self._guarded(asked.name, lambda: callback(error_info(error, trace)))
        return True

    def _fail(
        self, numbers: Iterable[int], error: BaseException, away: DeadLetter | None = None
    ) -> None:
        self._settle()  # what was said of them before holds
        numbers = list(numbers)
        self._forget(numbers)
        self._effects += self._shell.core.on_failed(numbers, error, self._clock.now(), away)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            id_ = self._ids.pop(number, None)
            if id_ is not None:
                self._numbers[id_].discard(number)
                if not self._numbers[id_]:
                    del self._numbers[id_]

    def _guarded(self, name: str, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception:
            logger.exception("the strategy of %s: what it has called back failed", name)
