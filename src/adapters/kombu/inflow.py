"""What comes in by a connection, many frames in one read.

py-amqp reads frame by frame, and asks the kernel several times for each. Here all that has come is
read at once; deliveries, confirmations and signs that were asked for go straight to whom they are
for, everything else to py-amqp. While py-amqp itself waits for an answer it reads from the same
buffer.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from . import frames
from .frames import Delivered

#: Bytes read in one go: what is left over is copied for each frame that py-amqp takes.
_CHUNK: Final = 1 << 16
_NOTHING_THERE: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Inflow:
    """The reading side of one connection. Its link's lock must be held throughout."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._transport = connection, connection.transport
        #: Who takes the deliveries, and the confirmations, of a channel by its number.
        self.receivers: dict[int, Callable[[Delivered], None]] = {}
        self.confirmed: dict[int, Callable[[int, bool], None]] = {}
        #: Who waits on a channel for one sign.
        self.lookouts: dict[int, Callable[[], None]] = {}

    def wait(self, seconds: float) -> bool:
        """Take in what has come, waiting for a first frame; tell whether there was one."""
        ends = monotonic() + seconds
        while not self.take_in():
            if (left := ends - monotonic()) <= 0:
                return False
            poll = select.poll()
            poll.register(self._transport.sock.fileno(), select.POLLIN)
            poll.poll(left * 1000)
        return True

    def take_in(self) -> bool:
        """Take in all that has come, without waiting; tell whether there was anything."""
        came = False
        while True:
            more, failure = self._read()
            came = self._dispatch() or came
            if failure is not None:
                raise failure
            if not more:
                return came

    def _read(self) -> tuple[bool, OSError | None]:
        """Add to the buffer; tell whether there may be more, and why there never will be."""
        sock, before = self._transport.sock, self._transport._read_buffer
        parts, left = [before], max(_CHUNK, len(before))
        patience = sock.gettimeout()
        sock.settimeout(0)
        try:
            while left > 0:
                chunk = sock.recv(_CHUNK)
                if not chunk:
                    return False, ConnectionResetError("the server closed the connection")
                parts.append(chunk)
                left -= len(chunk)
            return True, None
        except _NOTHING_THERE:
            return False, None
        except OSError as failure:
            return False, failure
        finally:
            sock.settimeout(patience)
            if len(parts) > 1:
                self._transport._read_buffer = b"".join(parts)

    def _dispatch(self) -> bool:
        """Hand on all whole frames of the buffer."""
        transport, connection = self._transport, self._connection
        raw, at, came = transport._read_buffer, 0, False
        try:
            while len(raw) - at >= frames.FRAME_HEAD:
                kind, channel, size = frames.frame_head.unpack_from(raw, at)
                start = at + frames.FRAME_HEAD
                end = start + size
                if len(raw) <= end:
                    break
                if raw[end] != frames.END:
                    raise ConnectionError("a frame does not end where it should")
                method = raw[start : start + 4] if kind == frames.METHOD else b""
                if method == frames.DELIVER and channel in self.receivers:
                    after = self._deliver(raw, start, end, channel)
                    if after is None:
                        break
                    if after:
                        came, at = True, after
                        continue
                elif method == frames.ACK and channel in self.confirmed:
                    came, at = True, end + 1
                    connection.bytes_recv += 1
                    self.confirmed[channel](*frames.acknowledged(raw[start:end]))
                    continue
                elif method == frames.SIGN and channel in self.lookouts:
                    came, at = True, end + 1
                    connection.bytes_recv += 1
                    self.lookouts.pop(channel)()
                    continue
                # py-amqp may read on by itself before this returns.
                transport._read_buffer, frame = raw[end + 1 :], (kind, channel, raw[start:end])
                came, at = True, 0
                connection.on_inbound_frame(frame)
                raw = transport._read_buffer
        finally:
            if at:
                transport._read_buffer = raw[at:]
        return came

    def _deliver(self, raw: bytes, start: int, end: int, channel: int) -> int | None:
        """Hand on a delivery; return where it ends, 0 if py-amqp must read it, None: not yet."""
        header = end + 1
        try:
            size = frames.size_of_content(raw, header, channel)
            if size is None:
                return None
            body_at = header + frames.FRAME_HEAD + frames.frame_head.unpack_from(raw, header)[2] + 1
            found = frames.body_at(raw, body_at, channel, size)
        except ValueError:
            return 0
        if found is None:
            return None
        body, after = found
        self._connection.bytes_recv += 3
        head = raw[header + frames.FRAME_HEAD : body_at - 1]
        self.receivers[channel](frames.delivered(raw[start:end], head, body))
        return after
