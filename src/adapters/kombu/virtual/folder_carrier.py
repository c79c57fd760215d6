"""`filesystem://`: a file a message, in kombu's folders and under kombu's names.

What must stay true: a file appears whole, by a rename; whoever renames one has it, and nobody
else; the name it has while it is held says for how long, counted from its time of change. So what
a dead worker held is found, and what is put back stands where it stood.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from math import ceil
from pathlib import Path
from typing import ClassVar, Final
from uuid import uuid4

from ....domain.messaging.queues import Queue
from .any_carrier import AnyCarrier
from .carrier import PARKED, Traits
from .parcels import Letter, Parcel, packed_whole, unpacked
from .settings import VirtualSettings

_HELD: Final = ".held-"


class FolderCarrier(AnyCarrier):
    """Messages in folders. Routing tables are kombu's, in its control folder."""

    traits: ClassVar[Traits] = Traits(fanout=True, ordered=True, shared_bindings=True)

    def __init__(self, settings: VirtualSettings) -> None:
        super().__init__(settings)
        said = settings.options
        self.poll = settings.poll or 0.2
        self._in = Path(said.get("data_folder_in", "data_in"))
        self._out = Path(said.get("data_folder_out", "data_out"))
        self._control = Path(said.get("control_folder", "control"))
        processed = said.get("processed_folder", "processed")
        self._kept = Path(processed) if said.get("store_processed") else None
        self._numbers = count(1)

    def open(self) -> None:
        """Make the folders."""
        with self.line.using():
            for folder in (self._in, self._out, self._control, self._kept):
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)

    def declare(self, queue: Queue) -> None:
        """Write its binding into the table of its exchange."""
        self.open()
        super().declare(queue)

    def put(self, letters: Sequence[Letter]) -> None:
        """Write a file each: as a whole, then under its name."""
        self.open()
        with self.line.using():
            for letter in letters:
                folder, name = self._name_for(letter)
                written = folder / f".{uuid4().hex}"
                written.write_bytes(packed_whole(letter.envelope))
                written.rename(folder / name)

    def take(self, queue: str, limit: int, *, lease: float, wait: float = 0.0) -> list[Parcel]:
        """Take files in the order of their names."""
        taken: list[Parcel] = []
        with self.line.using():
            for name in self._names(queue):
                if len(taken) >= limit:
                    break
                if (parcel := self._held(queue, name, lease)) is not None:
                    taken.append(parcel)
        return taken

    def due(self, queue: str, limit: int, now: datetime, *, lease: float) -> list[Parcel]:
        """Take those whose time, which their name begins with, has come."""
        place = queue + PARKED
        taken: list[Parcel] = []
        with self.line.using():
            for name in self._names(place):
                begin = name.partition("_")[0]
                late = begin.isdigit() and int(begin) > now.timestamp() * 1000
                if late or len(taken) >= limit:
                    break
                if (parcel := self._held(place, name, lease)) is not None:
                    parcel.queue = queue
                    taken.append(parcel)
        return taken

    def done(self, parcels: Sequence[Parcel]) -> None:
        """Delete the files, or keep them where kombu does."""
        with self.line.using():
            for one in parcels:
                try:
                    if self._kept is None:
                        os.unlink(one.handle)
                    else:
                        name = os.path.basename(one.handle).partition(_HELD)[0]
                        os.rename(one.handle, self._kept / name)
                except FileNotFoundError:
                    continue  # another took it over, after its time

    def back(self, parcels: Sequence[Parcel]) -> None:
        """Give files their names back."""
        with self.line.using():
            for one in parcels:
                name, held, _ = str(one.handle).partition(_HELD)
                if held:
                    _rename(one.handle, name)

    def hide(self, parcels: Sequence[tuple[Parcel, datetime]], now: datetime) -> None:
        """Give files the names of parked ones."""
        with self.line.using():
            for one, until in parcels:
                name = f"{self._parked_stem(until.timestamp())}.{one.queue}{PARKED}.msg"
                _rename(one.handle, str(self._in / name))

    def prolong(self, parcels: Sequence[Parcel], lease: float) -> Sequence[bool]:
        """Touch the files."""
        with self.line.using():
            return [_touch(one.handle) for one in parcels]

    def size(self, queue: str) -> int:
        """Count files."""
        with self.line.using():
            return sum(1 for name in self._names(queue) if _HELD not in name)

    def purge(self, queue: str) -> int:
        """Delete files."""
        with self.line.using():
            names = [name for name in self._names(queue) if _HELD not in name]
            return sum(_unlink(self._in / name) for name in names)

    def look(self, queue: str) -> list[Parcel]:
        """Read files where they are."""
        found = []
        with self.line.using():
            for name in self._names(queue):
                try:
                    envelope = unpacked((self._in / name).read_bytes())
                except FileNotFoundError:
                    continue
                found.append(Parcel(queue, envelope, str(self._in / name), _stem(name)))
        return found

    # -- steps

    def _names(self, queue: str) -> Iterator[str]:
        try:
            names = os.listdir(self._in)
        except FileNotFoundError:
            return
        ready = f"{queue}.msg"
        held = ready + _HELD
        for name in sorted(names):
            rest = name.partition(".")[2]
            if rest == ready or (rest.startswith(held) and self._is_lapsed(name)):
                yield name

    def _is_lapsed(self, name: str) -> bool:
        lease = name.rpartition(_HELD)[2].partition("-")[0]
        try:
            return time.time() - (self._in / name).stat().st_mtime > float(lease)
        except (ValueError, FileNotFoundError):
            return False

    def _held(self, queue: str, name: str, lease: float) -> Parcel | None:
        path = str(self._in / name)
        bare = path.partition(_HELD)[0]
        mine = f"{bare}{_HELD}{ceil(lease)}-{uuid4().hex[:12]}"
        # Touched first: under its new name it must not look as if its time were over.
        if not _touch(path) or not _rename(path, mine):
            return None
        with open(mine, "rb") as file:
            # Celery writes under the final name, and locks it meanwhile.
            fcntl.flock(file, fcntl.LOCK_SH)
            raw = file.read()
        if not raw:
            _rename(mine, bare)
            return None
        return Parcel(queue, unpacked(raw), mine, _stem(name), redelivered=_HELD in name)

    def _name_for(self, letter: Letter) -> tuple[Path, str]:
        if letter.again and letter.wait > 0:
            until = time.time() + letter.wait if letter.until is None else letter.until
            return self._in, f"{self._parked_stem(until)}.{letter.queue}{PARKED}.msg"
        if letter.again and letter.place:
            return self._in, f"{letter.place}.{letter.queue}.msg"
        stem = f"{round(time.monotonic() * 1000)}_{self._unique()}"
        return self._in if letter.again else self._out, f"{stem}.{letter.queue}.msg"

    def _parked_stem(self, until: float) -> str:
        return f"{ceil(until * 1000):015d}_{self._unique()}"

    def _unique(self) -> str:
        # Within a millisecond names of one process sort as they were made.
        return f"{next(self._numbers):010d}-{uuid4().hex}"


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _touch(path: str) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _rename(path: str, to: str) -> bool:
    try:
        os.rename(path, to)
    except FileNotFoundError:
        return False
    return True


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
