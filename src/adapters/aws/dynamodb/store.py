"""One DynamoDB table of one process: its client, its making, and requests of many items at once.

What must stay true: a fork leaves the parent's connections alone; a request that was refused for
a condition has changed nothing; no request is repeated for longer than `PATIENCE`.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from ....domain.errors import BackendUnavailable, ImproperlyConfigured
from ....ports.clock import Clock
from ..connecting import check_driver, client_of, failures
from ..errors import code_of, in_use, translated
from .address import Address, parse
from .table import have_table

T = TypeVar("T")
Item = dict[str, Any]
#: One entry of TransactWriteItems, without the table: `{"Put": {"Item": …}}`.
Action = Mapping[str, Mapping[str, Any]]

#: DynamoDB's own limits: keys and items in a request, and the bytes of a transaction.
READ_AT_ONCE: Final = 100
WRITTEN_AT_ONCE: Final = 25
TRANSACTION: Final = 100
TRANSACTION_BYTES: Final = 3_500_000
#: Seconds for which what DynamoDB puts off, or others are in the way of, is tried again.
PATIENCE: Final = 15.0
_PAUSES: Final = (0.02, 1.0)
_IN_THE_WAY: Final = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
)
#: What a user needs, for the text of an error.
ALLOWED: Final = (
    "dynamodb:DescribeTable, CreateTable, DescribeTimeToLive, UpdateTimeToLive, BatchGetItem, "
    "BatchWriteItem, PutItem, UpdateItem, DeleteItem and Scan on the table"
)


class DynamoStore:
    """Items of a table, which is made on first use. Several threads may use it."""

    _opening: threading.RLock
    #: boto3's client, once there is one and the table.
    _client: Any

    def __init__(self, address: Address, clock: Clock) -> None:
        self.address, self.clock = address, clock
        self._begin_life()
        _stores.add(self)

    @classmethod
    def from_url(cls, url: str, *, clock: Clock, settings: Mapping[str, Any]) -> DynamoStore:
        """Return the store of a URL. Raises ImproperlyConfigured, MissingExtra without boto3."""
        check_driver("dynamodb")
        return cls(parse(url, settings), clock)

    @property
    def url(self) -> str:
        """Where the table is, without credentials."""
        return self.address.shown

    def open(self) -> None:
        """Connect, and make the table if there is none."""
        self._connected()

    def close(self) -> None:
        """Let go of connections; a use afterwards begins anew."""
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # -- reading

    def read(
        self, ids: Sequence[str], fields: Sequence[str], *, consistent: bool = True
    ) -> dict[str, Item]:
        """Return the items that are there, by id, a request for each hundred."""
        found: dict[str, Item] = {}
        names = {f"#{number}": name for number, name in enumerate(("id", *fields))}
        for some in in_batches(list(dict.fromkeys(ids)), READ_AT_ONCE):
            asked = {
                "Keys": [{"id": {"S": one}} for one in some],
                "ConsistentRead": consistent,
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
            for said in self._until_taken("batch_get_item", asked, "UnprocessedKeys"):
                found |= {
                    item["id"]["S"]: item
                    for item in said.get("Responses", {}).get(self.address.table, ())
                }
        return found

    def scan(self, **how: Any) -> Iterator[Item]:
        """Return the items of the whole table that pass a filter."""
        last: Any = None
        while True:
            more = {"ExclusiveStartKey": last} if last else {}
            said = self._call(partial(_asked, "scan", TableName=self.address.table, **how, **more))
            yield from said["Items"]
            last = said.get("LastEvaluatedKey")
            if not last:
                return

    # -- writing

    def put(self, items: Sequence[Item]) -> None:
        """Write items over what is there; the later of two with one id wins."""
        latest = {item["id"]["S"]: item for item in items}
        self._write([{"PutRequest": {"Item": item}} for item in latest.values()])

    def delete(self, ids: Sequence[str]) -> None:
        """Delete items; unknown ids are ignored."""
        unique = dict.fromkeys(ids)
        self._write([{"DeleteRequest": {"Key": {"id": {"S": one}}}} for one in unique])

    def update(self, **how: Any) -> Item | None:
        """Change one item; return it as it was made, None where the condition refused."""
        how = {"TableName": self.address.table, "ReturnValues": "ALL_NEW", **how}
        try:
            said = self._patiently(partial(_asked, "update_item", **how))
        except _Refused:
            return None
        return dict(said.get("Attributes") or {})

    def attempt(self, actions: Sequence[Action]) -> dict[int, Item | None] | None:
        """Do all of up to a hundred, or nothing.

        Returns None if it is done, else what stands in the way of which action: the item of which
        its condition is not true, or None where there is none.
        """
        if len(actions) == 1:
            return self._attempt_one(actions[0])
        told = [
            {verb: {"TableName": self.address.table, **_telling(how)}}
            for action in actions
            for verb, how in action.items()
        ]
        try:
            self._patiently(partial(_asked, "transact_write_items", TransactItems=told))
        except _Refused as refused:
            return refused.items
        return None

    def each(self, actions: Sequence[tuple[Action, int]]) -> dict[int, Item | None]:
        """Do each action, given with its bytes, that its own condition allows.

        Returns what stood in the way of those that are not done, by their numbers.
        """
        refused: dict[int, Item | None] = {}
        for some in _transactions(actions):
            left = some
            while left and (found := self.attempt([actions[n][0] for n in left])) is not None:
                refused |= {left[n]: item for n, item in found.items()}
                left = [n for number, n in enumerate(left) if number not in found]
        return refused

    # -- steps

    def _attempt_one(self, action: Action) -> dict[int, Item | None] | None:
        ((verb, how),) = action.items()
        said = {"TableName": self.address.table, **_telling(how)}
        try:
            self._patiently(partial(_asked, f"{verb.lower()}_item", **said))
        except _Refused as refused:
            return refused.items
        return None

    def _write(self, requests: Sequence[Any]) -> None:
        for some in in_batches(requests, WRITTEN_AT_ONCE):
            for _ in self._until_taken("batch_write_item", some, "UnprocessedItems"):
                pass

    def _until_taken(self, verb: str, asked: Any, left: str) -> Iterator[Any]:
        """Make a request of many items again for those that DynamoDB has put off."""
        table, pauses = self.address.table, self._pauses()
        while asked:
            said = self._call(partial(_asked, verb, RequestItems={table: asked}))
            yield said
            asked = (said.get(left) or {}).get(table)
            if asked:
                next(pauses)

    def _patiently(self, work: Callable[[Any], T]) -> T:
        """Do a write that others may be in the way of for a moment. Raises `_Refused`."""
        pauses = self._pauses()
        while True:
            try:
                return self._call(work)
            except _InTheWay:
                next(pauses)

    def _pauses(self) -> Iterator[None]:
        """Wait a little longer each time. Raises BackendUnavailable when that has been enough."""
        pause, longest = _PAUSES
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, guards nothing
            pause = min(2 * pause, longest)
            yield
        raise BackendUnavailable(
            f"{self.url} has put requests off for {PATIENCE:g} s: give the table more capacity or "
            "on-demand billing; or many change the same items"
        )

    def _call(self, work: Callable[[Any], T]) -> T:
        client = self._opened()
        try:
            return work(client)
        except failures() as error:
            _raise_refusal(error)
            if code_of(error) == "ResourceNotFoundException":
                self._forget_table()
                raise BackendUnavailable(
                    f"{self.url}: the table is gone; it is made anew on the next use"
                ) from error
            raise in_use(translated(error, self.url, ALLOWED)) from error

    # -- opening

    def _opened(self) -> Any:
        try:
            return self._connected()
        except ImproperlyConfigured as wrong:
            raise in_use(wrong) from wrong

    def _connected(self) -> Any:
        client = self._client
        if client is None:
            with self._opening:
                if self._client is None:
                    self._client = self._made()
                client = self._client
        return client

    def _made(self) -> Any:
        try:
            client = client_of("dynamodb", self.address.access)
            have_table(client, self.address)
            return client
        except failures(ValueError) as error:
            raise translated(error, self.url, ALLOWED) from error

    def _forget_table(self) -> None:
        with self._opening:
            self._client = None

    # -- forks

    def _begin_life(self) -> None:
        self._opening = threading.RLock()
        self._client = None

    def _leave_to_parent(self) -> None:
        _left_to_parents.append(self._client)
        self._begin_life()

    # -- time

    def now(self) -> float:
        """Return unix seconds."""
        return self.clock.now().timestamp()

    def moment(self, item: Item) -> datetime:
        """Return when an item was written."""
        return datetime.fromtimestamp(float(item.get("timestamp", {}).get("N", 0)), UTC)


class _Refused(Exception):
    """Conditions were not true; `items` is what stands in the way, by the action's number."""

    def __init__(self, items: dict[int, Item | None]) -> None:
        super().__init__(items)
        self.items = items


class _InTheWay(Exception):
    """Somebody changes the same item at this moment."""


def _asked(verb: str, client: Any, **how: Any) -> Any:
    return getattr(client, verb)(**how)


def in_batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Return values a few at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _transactions(actions: Sequence[tuple[Action, int]]) -> Iterator[list[int]]:
    """Return the numbers of actions, as many at once as DynamoDB takes."""
    some: list[int] = []
    size = 0
    for number, (_, length) in enumerate(actions):
        if some and (len(some) == TRANSACTION or size + length > TRANSACTION_BYTES):
            yield some
            some, size = [], 0
        some.append(number)
        size += length
    if some:
        yield some


def _telling(how: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for the item of which a condition is not true."""
    if "ConditionExpression" not in how:
        return how
    return {**how, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def _raise_refusal(error: BaseException) -> None:
    """Raise what a write answers that was refused for a condition, or is to be tried again."""
    response: Any = getattr(error, "response", None) or {}
    code = code_of(error)
    if code == "ConditionalCheckFailedException":
        raise _Refused({0: response.get("Item")}) from error
    if code in _IN_THE_WAY:
        raise _InTheWay from error
    reasons = response.get("CancellationReasons") or ()
    if any(reason.get("Code") in _IN_THE_WAY for reason in reasons):
        raise _InTheWay from error
    refused: dict[int, Item | None] = {
        number: reason.get("Item")
        for number, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if refused:
        raise _Refused(refused) from error


_stores: weakref.WeakSet[DynamoStore] = weakref.WeakSet()
_left_to_parents: list[Any] = []


def _after_fork() -> None:
    for store in list(_stores):
        store._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
