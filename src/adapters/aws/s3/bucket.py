"""One S3 bucket of one process: its client, and requests for many objects at once.

What must stay true: a fork leaves the parent's connections alone; an object is written over
another only if that is still the one that was read. S3 has no request for several objects but to
delete them, so that a few threads make one request each.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from ....domain.errors import BackendUnavailable, ImproperlyConfigured
from ....ports.clock import Clock
from ..connecting import Access, check_driver, client_of, failures
from ..errors import code_of, in_use, translated

T = TypeVar("T")
R = TypeVar("R")

#: Requests on their way at once, and objects deleted by one of them, which is S3's own limit.
_THREADS: Final = 16
_DELETED_AT_ONCE: Final = 1000
_MISSING: Final = frozenset({"NoSuchKey", "404"})
#: What a write answers that somebody else was faster than.
_CHANGED: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
ALLOWED: Final = (
    "s3:GetObject, PutObject and DeleteObject on its objects and ListBucket on the bucket (without "
    "which S3 calls what is not there forbidden)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it was read; `tag` tells it from those written later."""

    data: bytes
    tag: str
    written: datetime


class S3Bucket:
    """Objects of a bucket, which must be there. Several threads may use it."""

    _opening: threading.RLock
    #: boto3's client, once there is one and the bucket was seen.
    _client: Any

    def __init__(self, access: Access, name: str, base: str, clock: Clock) -> None:
        self.access, self.name, self.base, self.clock = access, name, base, clock
        self._begin_life()
        _buckets.add(self)

    @classmethod
    def from_settings(cls, url: str, *, clock: Clock, settings: Mapping[str, Any]) -> S3Bucket:
        """Return the bucket that `s3_…` settings name.

        Raises ImproperlyConfigured where they name none, MissingExtra without boto3.
        """
        check_driver("s3")
        if url.partition("://")[2]:
            raise ImproperlyConfigured(
                f"result_backend={url!r}: an address of S3 is just 's3://'; name the bucket in "
                "s3_bucket, and a prefix of its keys in s3_base_path"
            )
        if not settings.get("s3_bucket"):
            raise ImproperlyConfigured(
                "result_backend is 's3://' and s3_bucket is not set: name the bucket that is to "
                "keep results"
            )
        access = Access(
            settings.get("s3_region"),
            settings.get("s3_endpoint_url"),
            settings.get("s3_access_key_id"),
            settings.get("s3_secret_access_key"),
        )
        return cls(access, settings["s3_bucket"], settings.get("s3_base_path") or "", clock)

    @property
    def url(self) -> str:
        """Where results are."""
        return f"s3://{self.name}/{self.base}"

    def open(self) -> None:
        """Connect, and look whether the bucket is there."""
        self._connected()

    def close(self) -> None:
        """Let go of connections; a use afterwards begins anew."""
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def read(self, keys: Sequence[str]) -> list[Found | None]:
        """Return objects; None where there is none."""
        return at_once(self._read, keys)

    def write(self, objects: Sequence[tuple[str, bytes]]) -> None:
        """Write objects over what is there."""
        at_once(lambda one: self.replace(*one, over=False), objects)

    def replace(self, key: str, data: bytes, over: Found | bool | None) -> bool:
        """Write an object over one that was read, over none (None), or over any (False).

        Returns False if that is not what is there.
        """
        match over:
            case Found():
                condition = {"IfMatch": over.tag}
            case None:
                condition = {"IfNoneMatch": "*"}
            case _:
                condition = {}
        put = partial(self._put, key, data, condition)
        return self._call(put, dict.fromkeys(_CHANGED, False) if condition else {})

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; unknown keys are ignored."""
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), _DELETED_AT_ONCE):
            some = [{"Key": self.base + key} for key in unique[start : start + _DELETED_AT_ONCE]]
            said = self._call(partial(self._delete, some))
            for error in said.get("Errors", ()):
                raise BackendUnavailable(
                    f"{self.url}: {error.get('Key')!r} is not deleted: {error.get('Message')}; "
                    f"the credentials must allow {ALLOWED}"
                )

    def keys(self, prefix: str) -> Iterator[str]:
        """Return the keys that begin so, without the base path."""
        token: str | None = None
        while True:
            more = {"ContinuationToken": token} if token else {}
            said = self._call(partial(self._list, prefix, more))
            for one in said.get("Contents", ()):
                yield str(one["Key"])[len(self.base) :]
            token = said.get("NextContinuationToken")
            if not token:
                return

    # -- steps

    def _read(self, key: str) -> Found | None:
        return self._call(partial(self._get, key), dict.fromkeys(_MISSING))

    def _get(self, key: str, client: Any) -> Found | None:
        said = client.get_object(Bucket=self.name, Key=self.base + key)
        with said["Body"] as body:
            return Found(body.read(), said["ETag"], said["LastModified"])

    def _put(self, key: str, data: bytes, condition: Mapping[str, str], client: Any) -> bool:
        client.put_object(Bucket=self.name, Key=self.base + key, Body=data, **condition)
        return True

    def _delete(self, some: Sequence[Mapping[str, str]], client: Any) -> Any:
        return client.delete_objects(Bucket=self.name, Delete={"Objects": some, "Quiet": True})

    def _list(self, prefix: str, more: Mapping[str, str], client: Any) -> Any:
        return client.list_objects_v2(Bucket=self.name, Prefix=self.base + prefix, **more)

    def _call(self, work: Callable[[Any], T], answers: Mapping[str, T] | None = None) -> T:
        """Do something with the client; `answers` are those that codes of errors stand for."""
        client = self._opened()
        try:
            return work(client)
        except failures() as error:
            code = code_of(error)
            if answers and code in answers:
                return answers[code]
            raise in_use(translated(error, self.url, ALLOWED)) from error

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
            client = client_of("s3", self.access)
            client.head_bucket(Bucket=self.name)
            return client
        except failures(ValueError) as error:
            if code_of(error) == "404":
                raise ImproperlyConfigured(
                    f"{self.url}: there is no bucket {self.name!r}; make it, or correct s3_bucket, "
                    "s3_region or s3_endpoint_url"
                ) from error
            raise translated(error, self.url, ALLOWED) from error

    # -- forks

    def _begin_life(self) -> None:
        self._opening = threading.RLock()
        self._client = None

    def _leave_to_parent(self) -> None:
        _left_to_parents.append(self._client)
        self._begin_life()


def at_once(work: Callable[[R], T], values: Sequence[R]) -> list[T]:
    """Do something with each value, a few at a time; return what came of it, in their order."""
    if len(values) < 2:
        return [work(value) for value in values]
    with ThreadPoolExecutor(min(_THREADS, len(values)), "celeriac s3") as threads:
        return list(threads.map(work, values))


_buckets: weakref.WeakSet[S3Bucket] = weakref.WeakSet()
_left_to_parents: list[Any] = []


def _after_fork() -> None:
    for bucket in list(_buckets):
        bucket._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
