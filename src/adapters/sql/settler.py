"""The settler on SQL: a batch of settlements is one transaction.

What must stay true: the present owner's rows are locked before anything is written, and one that
is stale contributes nothing; whatever fails rolls all of it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ...domain.canvas.chords import Contribution
from ...domain.errors import EncodeError, QueueNotFound, ResultTooLarge, SettlementRefused
from ...domain.messaging.message import TaskMessage
from ...domain.tasks.result_record import ResultRecord
from ...domain.work.settlement import Settlement
from ...ports.settler import Settler
from . import chords
from .broker import MESSAGE, SqlBroker
from .claims import held
from .dispositions import dispose
from .envelope import INSERT, row_of
from .errors import ValueRefused
from .flavour import Flavour
from .results import SqlResults
from .routes import bindings_of, route
from .transaction import Row, Transaction


class _Rehearsed(Exception):
    """All went well, and is to be rolled back."""


# A text that is no Unicode, or a number beyond 64 bits, is refused by the driver already.
_REFUSALS: Final = (ValueRefused, EncodeError, UnicodeError, OverflowError)


class _Completion(NamedTuple):
    """What is published if a part turns out to be the last; most never are."""

    origin: int
    of: Contribution
    queues: tuple[str, ...]

    def rows(self, now: int) -> list[Row]:
        try:
            message = self.of.closing()
            return [row_of(message, queue, now) for queue in self.queues]
        except EncodeError as error:
            raise SettlementRefused(self.origin, str(error)) from error


class SqlSettler(Settler):
    """Commits settlements of one SqlBroker's deliveries; results are in the same database."""

    def __init__(self, broker: SqlBroker, results: SqlResults) -> None:
        if broker.store.place != results.sql.place:
            raise ValueError(
                f"broker {broker.url} and results {results.url} are two databases, and no "
                "transaction spans both: settle them step by step"
            )
        self._store = broker.store
        self._results = results

    @property
    def atomic(self) -> bool:
        """Always: it refuses to be made otherwise."""
        return True

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit what the present owner settles."""
        if not settlements:
            return []
        try:
            return self._store.write(lambda t: self._settle(t, settlements))
        except _REFUSALS as error:
            self._find_refused(settlements)
            raise SettlementRefused(0, str(error)) from error

    def _find_refused(self, settlements: Sequence[Settlement]) -> None:
        """Try each by itself, committing nothing, and raise for the first that is refused."""
        for index, settlement in enumerate(settlements):
            try:
                self._store.write(lambda t, one=settlement: self._rehearse(t, one))  # type: ignore[misc]
            except _Rehearsed:
                continue
            except _REFUSALS as error:
                raise SettlementRefused(index, str(error)) from error

    def _rehearse(self, transaction: Transaction, settlement: Settlement) -> None:
        self._settle(transaction, [settlement])
        raise _Rehearsed

    def _settle(self, transaction: Transaction, settlements: Sequence[Settlement]) -> list[bool]:
        flavour = self._store.flavour
        ours = held(transaction, flavour, [settlement.token for settlement in settlements])
        now = self._store.now_ms()
        present = [(index, one) for index, one in enumerate(settlements) if ours[index]]
        for index, settlement in present:
            self._check(index, settlement.results)
        sent, completions = _routed(transaction, present, now)
        if sent:
            flavour.insert_messages(transaction, INSERT, sent)
            transaction.announce(MESSAGE)
        if records := [record for _, one in present for record in one.results]:
            self._results.table.store(transaction, records)
        if last := _count(transaction, flavour, [one for _, one in present], now):
            rows = [row for place in last for row in completions[place].rows(now)]
            flavour.insert_messages(transaction, INSERT, rows)
            transaction.announce(MESSAGE)
        ended = [(int(one.token.tag), one.disposition) for _, one in present]
        dispose(transaction, flavour, ended, now)
        return ours

    def _check(self, index: int, records: Sequence[ResultRecord]) -> None:
        try:
            for record in records:
                self._results.check(record)
        except ResultTooLarge as error:
            raise SettlementRefused(index, str(error)) from error


def _routed(
    transaction: Transaction, present: Sequence[tuple[int, Settlement]], now: int
) -> tuple[list[Row], list[_Completion]]:
    """Return the rows of what is published, and where each completion would go."""
    messages = [message for _, one in present for message in _messages(one)]
    bindings = bindings_of(transaction, messages)
    sent: list[Row] = []
    completions: list[_Completion] = []
    for index, settlement in present:
        try:
            for message in settlement.publish:
                sent += [row_of(message, queue, now) for queue in route(message, bindings)]
            for one in settlement.parts:
                queues = route(one.completion, bindings)
                completions.append(_Completion(index, one, queues))
        except QueueNotFound as error:
            raise SettlementRefused(index, str(error.args[0])) from error
    return sent, completions


def _messages(settlement: Settlement) -> Iterator[TaskMessage]:
    yield from settlement.publish
    for part in settlement.parts:
        yield part.completion


def _count(
    transaction: Transaction, flavour: Flavour, present: Sequence[Settlement], now: int
) -> list[int]:
    """Open, count and close chords; return which of the parts were the last of theirs."""
    opens = [opening for one in present for opening in one.opens]
    parts = [contribution.part for one in present for contribution in one.parts]
    closes = [group_id for one in present for group_id in one.closes]
    grows = [growth for one in present for growth in one.grows]
    sizes = chords.sizes_of(opens, parts, [*(growth.group_id for growth in grows), *closes])
    if not sizes:
        return []
    locked = chords.lock(transaction, flavour, sizes, now, grows)
    counts = chords.count(transaction, flavour, locked, parts, firing=True)
    if closes:
        chords.close(transaction, flavour, closes)
    return [place for place, count in enumerate(counts) if count.due]
