"""The settler on Redis: a batch of settlements is one script.

What must stay true: whatever can be refused is looked at before the script is sent, and the script
commits only what the present owner settles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import Any, Final

from ...domain.errors import (
    BackendUnavailable,
    EncodeError,
    QueueNotFound,
    ResultTooLarge,
    SettlementRefused,
)
from ...domain.messaging.delivery import Delivery, Undecodable
from ...domain.tasks import states
from ...domain.tasks.result_record import ResultRecord
from ...domain.work.queue_slots import Claim
from ...domain.work.settlement import Settlement
from ...ports.settler import Settler
from .broker import RedisBroker
from .claims import address_of, ending, relaying
from .commit import COMMIT, SETTLED
from .publishing import groups_of
from .results import RedisResults
from .routes import Bindings, route
from .scripts import HOLDS

# A text that is no Unicode is refused on its way into bytes already.
_REFUSALS: Final = (QueueNotFound, ResultTooLarge, EncodeError, TypeError, ValueError)
#: How often documents that no script can read are judged anew because somebody changed them.
_TRIES: Final = 20

#: Of five lists and of groups to publish.
_NOTHING: Final = (0,) * 6

#: State and digest of documents that only we can read, by key.
_Judged = Mapping[bytes, tuple[str | None, str]]


class RedisSettler(Settler):
    """Commits settlements of one RedisBroker's deliveries; results are in the same database."""

    def __init__(self, broker: RedisBroker, results: RedisResults) -> None:
        ours, theirs = broker.store.place, results.redis.place
        if (ours.server, ours.database) != (theirs.server, theirs.database):
            raise ValueError(
                f"broker {broker.url} and results {results.url} are two databases, and no script "
                "spans both: settle them step by step"
            )
        self._broker = broker
        self._results = results

    @property
    def atomic(self) -> bool:
        """Always: it refuses to be made otherwise."""
        return True

    @property
    def claims(self) -> bool:
        """Always: both scripts are sent together."""
        return True

    @property
    def relays(self) -> bool:
        """Always: what is claimed has its bytes under the number of the claim."""
        return True

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit what the present owner settles."""
        return self._settle(settlements, None)[0]

    def settle_and_claim(
        self, settlements: Sequence[Settlement], claim: Claim
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        """Commit what the present owner settles, then claim."""
        return self._settle(settlements, claim)

    def _settle(
        self, settlements: Sequence[Settlement], claim: Claim | None
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        if not settlements:
            return [], ()
        self._broker.open()
        bindings = self._bindings(settlements)
        effects, refused = self._prepared(settlements, bindings)
        completions = self._completions(settlements, effects, refused, bindings)
        if refused:
            self._raise_unless_stale(settlements, refused)
        keys: Sequence[bytes] = ()
        claimed: Sequence[Delivery | Undecodable] = ()
        for _ in range(_TRIES):
            if keys:
                judged = self._judge(keys)
                effects = [
                    None if one is None else self._effects(settlement, bindings, judged)
                    for settlement, one in zip(settlements, effects, strict=True)
                ]
            told = self._told(settlements, effects, completions)
            if claim is None:
                kind, answers = self._broker.run_settling(COMMIT, told)
            else:
                (kind, answers), claimed = self._broker.claim_behind(COMMIT, told, claim)
            if kind == SETTLED:
                return [bool(answer) for answer in answers], claimed
            keys, claim = answers, None
        raise BackendUnavailable(
            f"{self._results.url}: the results {keys!r:.200} change all the time; try again"
        )

    # -- refusals

    def _bindings(self, settlements: Sequence[Settlement]) -> Bindings:
        published = [message for one in settlements for message in one.publish]
        completions = [part.completion for one in settlements for part in one.parts]
        return self._broker.bindings_of([*published, *completions])

    def _prepared(
        self, settlements: Sequence[Settlement], bindings: Bindings
    ) -> tuple[list[list[Any] | None], dict[int, Exception]]:
        """Return what the script is given of each, and what speaks against it."""
        effects: list[list[Any] | None] = []
        refused: dict[int, Exception] = {}
        for index, settlement in enumerate(settlements):
            try:
                effects.append(self._effects(settlement, bindings, {}))
            except _REFUSALS as error:
                effects.append(None)
                refused[index] = error
        return effects, refused

    def _completions(
        self,
        settlements: Sequence[Settlement],
        effects: list[list[Any] | None],
        refused: dict[int, Exception],
        bindings: Bindings,
    ) -> list[Any]:
        """Return one completion for each chord: any of them serves, whichever part is the last."""
        told: dict[bytes, list[Any]] = {}
        for index in reversed(range(len(settlements))):
            parts = settlements[index].parts if effects[index] is not None else ()
            try:
                for one in reversed(parts):
                    key = self._key_of(one.part.group_id)
                    if key not in told:
                        now = self._broker.store.now_ms()
                        told[key] = groups_of([one.closing()], bindings, now)
            except _REFUSALS as error:
                effects[index] = None
                refused[index] = error
        return [len(told), *(value for key, groups in told.items() for value in (key, *groups))]

    def _raise_unless_stale(
        self, settlements: Sequence[Settlement], refused: Mapping[int, Exception]
    ) -> None:
        told = [part for index in refused for part in address_of(settlements[index].token)]
        held = self._broker.run(HOLDS, told)
        for (index, error), ours in zip(refused.items(), held, strict=True):
            if ours:
                said = error.args[0] if isinstance(error, QueueNotFound) else error
                raise SettlementRefused(index, str(said)) from error

    # -- what the script is given

    def _told(
        self,
        settlements: Sequence[Settlement],
        effects: Sequence[list[Any] | None],
        completions: Sequence[Any],
    ) -> list[Any]:
        results = self._results
        told: list[Any] = [*results.lifetimes, *results.keeping.arguments(), *completions]
        last = {one.token: index for index, one in enumerate(settlements) if one.relay is not None}
        priorities = self._broker.store.layout.priorities
        for index, (settlement, one) in enumerate(zip(settlements, effects, strict=True)):
            token, link = settlement.token, settlement.relay
            if link is None:
                told += ending(token, settlement.disposition)
            else:
                told += relaying(token, link, priorities, is_last=last[token] == index)
            # What is refused and stale is sent as a token alone, and answered as stale.
            told += _NOTHING if one is None else one
        return told

    def _effects(self, settlement: Settlement, bindings: Bindings, judged: _Judged) -> list[Any]:
        told: list[Any] = [len(settlement.results)]
        for record in settlement.results:
            told += self._record(record, judged)
        told.append(len(settlement.opens))
        for opening in settlement.opens:
            told += (self._key_of(opening.group_id), opening.size)
        told.append(len(settlement.grows))
        for growth in settlement.grows:
            told += (self._key_of(growth.group_id), growth.by, growth.key)
        told.append(len(settlement.parts))
        for one in settlement.parts:
            route(one.completion, bindings)
            told += (self._key_of(one.part.group_id), *self._results.counted(one.part))
        told += (len(settlement.closes), *map(self._key_of, settlement.closes))
        return told + groups_of(settlement.publish, bindings, self._broker.store.now_ms())

    def _key_of(self, group_id: str) -> bytes:
        return self._results.group_key(group_id).encode()

    def _record(self, record: ResultRecord, judged: _Judged) -> tuple[Any, ...]:
        self._results.check(record)
        key = self._results.task_key(record.task_id).encode()
        document = self._results.document(record)
        if key not in judged:
            return (key, record.state.encode(), document, "", "")
        kept, digest = judged[key]
        verdict = "write" if states.may_replace(kept, record.state) else "leave"
        return (key, record.state.encode(), document, verdict, digest)

    def _judge(self, keys: Sequence[bytes]) -> _Judged:
        """Read the documents that the script could not."""
        kept = self._broker.store.do(lambda client: client.mget(keys))
        return {
            key: (
                self._results.state_of(key.decode(), data),
                sha1(data or b"", usedforsecurity=False).hexdigest(),
            )
            for key, data in zip(keys, kept, strict=True)
        }
