"""A way to a server that can fall silent: it takes connections then, and answers nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class SilentWay:
    """Passes bytes between a port of its own and a server, until told to be silent."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port or 5672)
        self._listener = socket.create_server(("127.0.0.1", 0))
        place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[0] + "@" + place).geturl()
        self._silent = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self):
        """Cut all connections; take further ones without a word."""
        self._silent = True
        self._cut()

    def speak(self):
        """Cut those that were not answered, and pass bytes again."""
        self._silent = False
        self._cut()

    def close(self):
        """Take no more connections."""
        self._listener.close()
        self._cut()

    def _cut(self):
        while self._open:
            one = self._open.pop()
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                if self._silent:
                    continue
                server = socket.create_connection(self._server)
                self._open.append(server)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_pass, args=(source, target), daemon=True).start()


def _pass(source, target):
    with suppress(OSError):
        while found := source.recv(1 << 16):
            target.sendall(found)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
