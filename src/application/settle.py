"""Carry out settlements where broker and backend are two systems.

A delivery is acknowledged only after all it promised is published and stored. Each step may be
repeated, so a crash at any point is mended by the redelivery.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..domain.canvas.chords import ChordPart, Contribution
from ..domain.errors import QueueNotFound, SettlementRefused
from ..domain.messaging.delivery import Delivery, Token, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.work.job import Report
from ..domain.work.queue_slots import Claim
from ..domain.work.settlement import Settlement
from ..ports.broker import Broker
from ..ports.results import ResultBackend
from ..ports.settler import Settler

#: Makes what follows from a chord whose parts are all in (a number, its completion, what fetches
#: the parts of a group): its body, or the errbacks of one that failed. Never raises.
Join = Callable[[int, TaskMessage, Callable[[str], Sequence[ChordPart]]], Report]


class SeparateSettler(Settler):
    """Publish, store, count, acknowledge: in this order, each in one round trip a batch."""

    def __init__(
        self, broker: Broker, results: ResultBackend, deadline: float, join: Join | None = None
    ) -> None:
        """Publish within `deadline` seconds or raise. `join` is needed where parts are counted."""
        self._broker, self._results, self._deadline = broker, results, deadline
        self._join = join
        #: What is published and not yet acknowledged, so that an attempt which failed after that
        #: step does not publish again each time it is repeated.
        self._published: set[Token | str] = set()

    @property
    def atomic(self) -> bool:
        """Never: a crash between two steps is mended by the redelivery."""
        return False

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; see Settler.settle."""
        self._check_sizes(settlements)
        if not self._results.capabilities.chords:
            settlements = _uncounted(settlements, self._results.url)
        opens = [opening for one in settlements for opening in one.opens]
        if opens:
            # Before anybody can count: a header task may be over before this returns.
            self._results.open_chords(opens)
        grows = [growth for one in settlements for growth in one.grows]
        if grows:
            # As early, for what is added may be over as soon.
            self._results.grow_chords(grows)
        self._publish(settlements)
        records = [record for one in settlements for record in one.results]
        if records:
            self._results.store(records)
        self._count([part for one in settlements for part in one.parts])
        closes = [group_id for one in settlements for group_id in one.closes]
        if closes:
            self._results.close_chords(closes)
        settled = self._broker.settle([(one.token, one.disposition) for one in settlements])
        self._published.difference_update(one.token for one in settlements)
        return settled

    def _count(self, parts: Sequence[Contribution]) -> None:
        """Count parts, and join the chords that are complete, which may be parts of others."""
        if parts:
            counts = self._results.count_parts([one.part for one in parts])
            due = {
                count.group_id: one.closing()
                for one, count in zip(parts, counts, strict=True)
                if count.due
            }
            for group_id, completion in due.items():
                self._close(group_id, completion)

    def _close(self, group_id: str, completion: TaskMessage) -> None:
        if self._join is None:
            raise RuntimeError("a settler that is to count parts was given no `join`")
        parts = self._results.fetch_parts(group_id)
        report = self._join(0, completion, lambda _: parts)
        if report.opens:
            self._results.open_chords(report.opens)
        if group_id not in self._published:
            self._broker.publish(report.publish, deadline=self._deadline)
            self._published.add(group_id)
        if report.results:
            self._results.store(report.results)
        # The outer chord's part comes first: closed, nobody would count it again after a crash.
        self._count(report.parts)
        self._results.close_chords([group_id])
        self._published.discard(group_id)

    def _check_sizes(self, settlements: Sequence[Settlement]) -> None:
        """Refuse what the store would refuse, before anything is published."""
        limit = self._results.capabilities.max_bytes
        if limit is None:
            return
        for index, settlement in enumerate(settlements):
            for record in settlement.results:
                size = len(record.result.data) if record.result else 0
                if size > limit:
                    why = f"a result of {size} bytes, and {self._results.url} holds {limit}"
                    raise SettlementRefused(index, why)

    def _publish(self, settlements: Sequence[Settlement]) -> None:
        fresh = {
            index: one
            for index, one in enumerate(settlements)
            if one.publish and one.token not in self._published
        }
        if not fresh:
            return
        messages = [message for one in fresh.values() for message in one.publish]
        try:
            self._broker.publish(messages, deadline=self._deadline)
        except QueueNotFound as lost:
            # Nothing of the batch was stored; which message it was, only the broker knows.
            named = (
                index
                for index, one in fresh.items()
                if lost.message_id in {message.id for message in one.publish}
            )
            raise SettlementRefused(next(named, next(iter(fresh))), str(lost)) from lost
        self._published.update(one.token for one in fresh.values())


def _uncounted(settlements: Sequence[Settlement], url: str) -> list[Settlement]:
    """Return settlements without what only a store that counts needs.

    Whoever sent these chords polls for them, if anybody does. Raises SettlementRefused for a chord
    that begins here: it would never come to its end.
    """
    for index, one in enumerate(settlements):
        if one.opens or one.grows:
            raise SettlementRefused(
                index,
                f"a chord needs a store that counts its parts, and {url} does not: set "
                "result_backend to one, or result_chord_polling=True",
            )
    return [
        replace(one, parts=(), closes=()) if one.parts or one.closes else one for one in settlements
    ]


class ResultlessSettler(Settler):
    """Where no results are kept: settles without them, in one step where the broker's store can."""

    def __init__(self, settler: Settler) -> None:
        """Settle with `settler`."""
        self._settler = settler

    @property
    def atomic(self) -> bool:
        """As the settler behind it."""
        return self._settler.atomic

    @property
    def claims(self) -> bool:
        """As the settler behind it."""
        return self._settler.claims

    @property
    def relays(self) -> bool:
        """As the settler behind it."""
        return self._settler.relays

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements without their results; see Settler.settle."""
        return self._settler.settle(_resultless(settlements))

    def settle_and_claim(
        self, settlements: Sequence[Settlement], claim: Claim
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        """Commit settlements without their results, and claim; see Settler.settle_and_claim."""
        return self._settler.settle_and_claim(_resultless(settlements), claim)


def _resultless(settlements: Sequence[Settlement]) -> list[Settlement]:
    return [
        Settlement(one.token, one.disposition, publish=one.publish, relay=one.relay)
        if one.results or one.parts or one.opens or one.closes or one.grows
        else one
        for one in settlements
    ]
