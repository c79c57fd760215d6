"""The settler on SQL: a batch of settlements is one transaction.

What must stay true: the present owner's rows are locked before anything is written, and one that
is stale contributes nothing; whatever fails rolls all of it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...domain.canvas.chords import ChordPart
from ...domain.errors import EncodeError, QueueNotFound, ResultTooLarge, SettlementRefused
from ...domain.messaging.message import TaskMessage
from ...domain.tasks.result_record import ResultRecord
from ...domain.work.settlement import Disposition, Settlement
from ...ports.settler import Settler
from . import chords
from .broker import MESSAGE, SqlBroker
from .claims import held
from .dispositions import dispose
from .envelope import INSERT, row_of
from .errors import ValueRefused
from .results import SqlResults
from .routes import bindings_of, route
from .transaction import Row, Transaction


class _Rehearsed(Exception):
    """All went well, and is to be rolled back."""


# A text that is no Unicode, or a number beyond 64 bits, is refused by the driver already.
_REFUSALS: Final = (ValueRefused, EncodeError, UnicodeError, OverflowError)


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
        published: list[TaskMessage] = []
        records: list[ResultRecord] = []
        parts: list[ChordPart] = []
        ended: list[tuple[int, Disposition]] = []
        origins: list[int] = []
        for index, settlement in enumerate(settlements):
            if ours[index]:
                ended.append((int(settlement.token.tag), settlement.disposition))
                published += settlement.publish
                origins += [index] * len(settlement.publish)
                self._check(index, settlement.results)
                records += settlement.results
                parts += [one.part for one in settlement.parts]
        if published:
            rows = _routed(transaction, published, origins, now)
            flavour.insert_messages(transaction, INSERT, rows)
            transaction.announce(MESSAGE)
        if records:
            self._results.table.store(transaction, records)
        if parts:
            chords.insert_parts(transaction, flavour, parts, now)
        dispose(transaction, flavour, ended, now)
        return ours

    def _check(self, index: int, records: Sequence[ResultRecord]) -> None:
        try:
            for record in records:
                self._results.check(record)
        except ResultTooLarge as error:
            raise SettlementRefused(index, str(error)) from error


def _routed(
    transaction: Transaction, published: Sequence[TaskMessage], origins: Sequence[int], now: int
) -> list[Row]:
    bindings = bindings_of(transaction, published)
    rows: list[Row] = []
    for index, message in zip(origins, published, strict=True):
        try:
            rows += [row_of(message, queue, now) for queue in route(message, bindings)]
        except QueueNotFound as error:
            raise SettlementRefused(index, str(error.args[0])) from error
    return rows
