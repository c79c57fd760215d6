"""A worker's word about itself, at a socket in the run folder: how exec probes look at it."""

import json
import logging
import os
import socket
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from .run_folder import VARIABLE, run_folder, socket_path

logger = logging.getLogger("celeriac.worker")

#: How long one who asks may take to listen, in seconds.
PATIENCE: Final = 1.0


class SelfReport:
    """Tells whoever connects how the worker is, as one JSON object, and hangs up."""

    def __init__(self, node: str, tell: Callable[[], Mapping[str, Any]]) -> None:
        """Answer for this node with what `tell` returns; nothing is opened before `start`."""
        self._path, self._tell = socket_path(node), tell
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._answer, name="celeriac-self", daemon=True)

    def start(self) -> None:
        """Begin to answer; where that cannot be, say why and go without."""
        try:
            self._socket = self._listening()
        except FileExistsError as taken:
            logger.info("this worker will not be found by `celeriac status --self`: %s", taken)
            return
        except OSError as refused:
            logger.warning(
                "no worker will be found here by `celeriac status --self`: %s (set %s to a folder "
                "of this user's own)",
                refused,
                VARIABLE,
            )
            return
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._socket is None:
            return
        with suppress(OSError):
            os.unlink(self._path)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        self._socket.close()
        self._thread.join(PATIENCE)

    def _listening(self) -> socket.socket:
        own = run_folder()
        os.makedirs(own, mode=0o700, exist_ok=True)
        found = os.stat(own)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise PermissionError(f"folder {own} belongs to others, or others may write to it")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._forget_the_dead()
            listening.bind(self._path)
            listening.listen()
        except BaseException:
            listening.close()
            raise
        return listening

    def _forget_the_dead(self) -> None:
        """Take away the socket of a worker that was killed. Raises FileExistsError if it lives."""
        if not os.path.exists(self._path):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(PATIENCE)
            try:
                other.connect(self._path)
            except (ConnectionError, FileNotFoundError):
                with suppress(FileNotFoundError):
                    os.unlink(self._path)
                return
        raise FileExistsError(f"another worker of the same name answers at {self._path}")

    def _answer(self) -> None:
        assert self._socket is not None
        while True:
            try:
                asking, _ = self._socket.accept()
            except OSError:
                return
            with asking, suppress(OSError):
                asking.settimeout(PATIENCE)
                asking.sendall(json.dumps(dict(self._tell())).encode())
