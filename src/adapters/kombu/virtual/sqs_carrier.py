"""`sqs://`: Amazon SQS by kombu's client and names, in batches of ten.

What is taken is invisible to others for the lease, which is renewed; what is not due is made
invisible until then, or for the longest time there is, and looked at again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from math import ceil
from typing import Any, ClassVar, Final, TypeVar

from ....domain.errors import BrokerUnavailable, ImproperlyConfigured
from .any_carrier import AnyCarrier
from .carrier import DEAD, Traits
from .parcels import Letter, Parcel, packed_whole, unpacked
from .settings import VirtualSettings

#: Entries of one request, and the bytes of their bodies together.
_BATCH: Final = 10
_BYTES: Final = 250_000
#: Seconds: the longest delay of a message sent, the longest invisibility, the longest poll.
_LONGEST_DELAY: Final = 900
_LONGEST_HIDING: Final = 43_000
_LONGEST_POLL: Final = 20
#: Seconds of one poll where nothing is said: a worker that is to stop waits for its end.
_POLL: Final = 5

T = TypeVar("T")


class SqsCarrier(AnyCarrier):
    """Messages in SQS. Its clients may be used by several threads; only their making is locked."""

    traits: ClassVar[Traits] = Traits(sees_parked=False, waits=True)

    def __init__(self, settings: VirtualSettings) -> None:
        super().__init__(settings)
        said = settings.options
        self._wait = min(int(said.get("wait_time_seconds", _POLL)), _LONGEST_POLL)
        self._base64 = said.get("sqs_base64_encoding", True) is not False
        self._places: dict[str, tuple[Any, str]] = {}

    def abandon(self) -> None:
        """Begin anew."""
        super().abandon()
        self._places = {}

    def close(self) -> None:
        """Close the connection."""
        super().close()
        self._places = {}

    def put(self, letters: Sequence[Letter]) -> None:
        """Send in batches; what waits is delayed, as long as SQS can."""
        by_queue: dict[str, list[Letter]] = {}
        for letter in letters:
            by_queue.setdefault(letter.queue, []).append(letter)
        for queue, some in by_queue.items():
            for batch in _by_size([(one, self._body(one)) for one in some]):
                entries = [
                    {"Id": str(number), "MessageBody": body, **_how(one)}
                    for number, (one, body) in enumerate(batch)
                ]
                self._batch(queue, "send_message_batch", entries)

    def take(self, queue: str, limit: int, *, lease: float, wait: float = 0.0) -> list[Parcel]:
        """Receive, again as long as all that was asked for comes."""
        client, url = self._place(queue)
        self._check_dead(queue)
        taken: list[Parcel] = []
        while len(taken) < limit:
            asked = min(_BATCH, limit - len(taken))
            poll = 0 if taken else min(int(wait), self._wait)
            said = self._called(
                client.receive_message,
                QueueUrl=url,
                MaxNumberOfMessages=asked,
                WaitTimeSeconds=poll,
                VisibilityTimeout=ceil(lease),
                AttributeNames=["ApproximateReceiveCount"],
            )
            found = said.get("Messages") or []
            taken += [_parcel(queue, one) for one in found]
            if len(found) < asked:
                break
        return taken

    def due(self, queue: str, limit: int, now: datetime, *, lease: float) -> list[Parcel]:
        """Nothing: SQS itself shows what is due, among the rest."""
        return []

    def done(self, parcels: Sequence[Parcel]) -> None:
        """Delete messages."""
        for queue, some in _by_queue(parcels):
            entries = [
                {"Id": str(number), "ReceiptHandle": one.handle} for number, one in enumerate(some)
            ]
            self._batch(queue, "delete_message_batch", entries, strict=False)

    def back(self, parcels: Sequence[Parcel]) -> None:
        """Make messages visible."""
        self._show_after([(one, 0) for one in parcels])

    def hide(self, parcels: Sequence[tuple[Parcel, datetime]], now: datetime) -> None:
        """Keep messages invisible, for up to nearly twelve hours at a time."""
        waits = [
            (one, min(_LONGEST_HIDING, max(1, ceil((until - now).total_seconds()))))
            for one, until in parcels
        ]
        self._show_after(waits)

    def prolong(self, parcels: Sequence[Parcel], lease: float) -> Sequence[bool]:
        """Keep messages invisible for a lease more."""
        lost = self._show_after([(one, ceil(lease)) for one in parcels])
        return [one.handle not in lost for one in parcels]

    def size(self, queue: str) -> int:
        """Ask, without making the queue."""
        if not self._exists(queue):
            return 0
        client, url = self._place(queue)
        name = "ApproximateNumberOfMessages"
        said = self._called(client.get_queue_attributes, QueueUrl=url, AttributeNames=[name])
        return int(said["Attributes"][name])

    def purge(self, queue: str) -> int:
        """Receive and delete: SQS's own purge takes what is held and delayed with it."""
        if not self._exists(queue):
            return 0
        deleted = 0
        while found := self.take(queue, 100, lease=30.0):
            self.done(found)
            deleted += len(found)
        return deleted

    def look(self, queue: str) -> list[Parcel]:
        """Receive all."""
        return self.take(queue, 100_000, lease=30.0) if self._exists(queue) else []

    # -- steps

    def _body(self, letter: Letter) -> str:
        raw = packed_whole(letter.envelope)
        return b64encode(raw).decode() if self._base64 else raw.decode(errors="replace")

    def _place(self, queue: str) -> tuple[Any, str]:
        """Return the client and the address of a queue, made if need be."""
        found = self._places.get(queue)
        if found is None:
            with self.line.using() as channel:
                _check_predefined(channel, queue)
                url = channel._new_queue(queue)
                client = channel.sqs(queue=channel.canonical_queue_name(queue))
                found = client, url
                if not channel.transport_options.get("sts_role_arn"):  # those clients age
                    self._places[queue] = found
        return found

    def _check_dead(self, queue: str) -> None:
        """Refuse to take what could not be put aside. Raises BrokerUnavailable."""
        if queue.endswith(DEAD) or not self.settings.options.get("predefined_queues"):
            return
        try:
            self._place(queue + DEAD)
        except ImproperlyConfigured as missing:
            raise BrokerUnavailable(
                f"nothing is claimed from {queue!r}: its dead letters have no queue; {missing}"
            ) from missing

    def _exists(self, queue: str) -> bool:
        if queue in self._places:
            return True
        with self.line.using() as channel:
            name = channel.canonical_queue_name(queue)
            if name not in channel._queue_cache and not channel.predefined_queues:
                channel._update_queue_cache(name)
            return name in channel._queue_cache

    def _show_after(self, waits: Sequence[tuple[Parcel, int]]) -> set[str]:
        """Set how long messages are invisible; return the handles that are void by now."""
        seconds = {one.handle: wait for one, wait in waits}
        lost: set[str] = set()
        for queue, some in _by_queue([one for one, _ in waits]):
            entries = [
                {
                    "Id": str(number),
                    "ReceiptHandle": one.handle,
                    "VisibilityTimeout": seconds[one.handle],
                }
                for number, one in enumerate(some)
            ]
            failed = self._batch(queue, "change_message_visibility_batch", entries, strict=False)
            lost.update(some[number].handle for number in failed)
        return lost

    def _batch(
        self, queue: str, verb: str, entries: Sequence[Any], *, strict: bool = True
    ) -> list[int]:
        """Make a request a ten entries; return the numbers of those SQS refused."""
        client, url = self._place(queue)
        refused: list[Any] = []
        for start in range(0, len(entries), _BATCH):
            some = list(entries[start : start + _BATCH])
            said = self._called(getattr(client, verb), QueueUrl=url, Entries=some)
            refused += said.get("Failed") or []
        if refused and (strict or not all(one.get("SenderFault", True) for one in refused)):
            raise BrokerUnavailable(
                f"{self.line.where}: SQS refused {len(refused)} of {len(entries)} messages for "
                f"{queue!r}: {refused[0].get('Code')}: {refused[0].get('Message')}"
            )
        return [int(one["Id"]) for one in refused]

    def _called(self, method: Callable[..., T], **arguments: Any) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return method(**arguments)
        except (BotoCoreError, ClientError, OSError) as error:
            self._places = {}
            raise self.line.failed(error) from error


def _how(letter: Letter) -> dict[str, Any]:
    if letter.queue.endswith(".fifo"):
        said = letter.envelope.get("properties") or {}
        tag = said.get("MessageDeduplicationId") or said.get("delivery_tag")
        group = said.get("MessageGroupId") or "default"
        return {"MessageGroupId": str(group), "MessageDeduplicationId": str(tag)}
    wait = min(_LONGEST_DELAY, ceil(letter.wait))
    return {"DelaySeconds": wait} if wait > 0 else {}


def _parcel(queue: str, found: Any) -> Parcel:
    body = found["Body"]
    count = (found.get("Attributes") or {}).get("ApproximateReceiveCount", "1")
    return Parcel(
        queue, _opened(body), found["ReceiptHandle"], redelivered=str(count) not in ("0", "1")
    )


def _opened(body: str) -> Any:
    raw = body.encode()
    if not raw.lstrip().startswith(b"{"):
        try:
            raw = b64decode(raw, validate=True)
        except ValueError:
            return unpacked(raw)
    return unpacked(raw)


def _by_queue(parcels: Sequence[Parcel]) -> Iterator[tuple[str, list[Parcel]]]:
    found: dict[str, list[Parcel]] = {}
    for one in parcels:
        found.setdefault(one.queue, []).append(one)
    yield from found.items()


def _by_size(letters: Sequence[tuple[Letter, str]]) -> Iterator[list[tuple[Letter, str]]]:
    batch: list[tuple[Letter, str]] = []
    size = 0
    for letter, body in letters:
        if batch and (len(batch) == _BATCH or size + len(body) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append((letter, body))
        size += len(body)
    if batch:
        yield batch


def _check_predefined(channel: Any, queue: str) -> None:
    known = channel.predefined_queues
    name = channel.canonical_queue_name(queue)
    if known and name not in known:
        raise ImproperlyConfigured(
            f"broker_transport_options['predefined_queues'] has no {name!r} "
            f"({', '.join(sorted(known))}): make that queue in SQS and name it there"
        )
