"""A worker some of whose tasks receive their messages by themselves: see `domain.work.handing`."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol

from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.effects import CallBegan, CallEnded, Effect, HandingEffect, HandOver
from ..domain.work.handing import HandingCore
from .work import Worker


class Receivers(Protocol):
    """Those who receive messages by themselves."""

    @abstractmethod
    def take(self, told: Sequence[HandingEffect]) -> Iterable[Effect]:
        """Take this in, on the hub's thread, and return what is to be done about it.

        Never raises: what a receiver raises is its own affair.
        """


class HandingWorker(Worker):
    """Takes tasks from queues as any worker, and hands some of them over."""

    core: HandingCore
    #: To be set before it runs.
    receivers: Receivers

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        told: list[HandingEffect] = []
        others: list[Effect] = []
        for effect in effects:
            if isinstance(effect, HandOver | CallBegan | CallEnded):
                told.append(effect)
            else:
                others.append(effect)
        super()._carry_out(others)
        if told:
            self._carry_out(self.receivers.take(told))

    def _arrived(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Tell of what came; of what is handed over its receivers do, if anybody does."""
        theirs: list[Delivery] = []
        rest: list[Delivery | Undecodable] = []
        for item in batch:
            if isinstance(item, Delivery) and item.message.task in self.core.receiving:
                theirs.append(item)
            else:
                rest.append(item)
        super()._arrived(rest)
        self._log.received(theirs)
        self.chronicle.count(theirs)
