"""Probes over HTTP: /livez, /readyz and /metrics, on a thread that asks nobody.

What must stay true: what is answered comes from the worker's own signs of life, read at that
moment, so that a worker that hangs is seen to hang.
"""

import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured
from .metrics import CONTENT_TYPE

#: How long one who asks may take to do so, in seconds.
PATIENCE: Final = 5.0
TEXT: Final = "text/plain; charset=utf-8"

#: Path → status, content type, text.
Answer = tuple[HTTPStatus, str, str]
Pages = dict[str, Callable[[], Answer]]


def verdict(reasons: list[str]) -> Answer:
    """Return 200, or 503 and why."""
    if not reasons:
        return HTTPStatus.OK, TEXT, "ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, "".join(f"{reason}\n" for reason in reasons)


def metrics(text: str) -> Answer:
    """Return the metrics."""
    return HTTPStatus.OK, CONTENT_TYPE, text


class Probes:
    """Answers on one address until stopped."""

    def __init__(self, address: str, pages: Pages) -> None:
        """Listen at `host:port`; port 0 means any that is free. Raises ImproperlyConfigured."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        try:
            self._server = _server(":" in host)((host, int(port)), _handler(pages))
        except (OSError, UnicodeError) as refused:
            raise ImproperlyConfigured(
                f"worker_health_port={address!r}: cannot listen there: {refused}; give each worker "
                "of a machine a port of its own"
            ) from refused
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="celeriac-probes", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


def _server(is_v6: bool) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        address_family = socket.AF_INET6 if is_v6 else socket.AF_INET

        def server_bind(self) -> None:
            # Not HTTPServer's, which looks its own name up, and may wait for that.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)
            self.server_address = self.socket.getsockname()
            self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever asked has gone: that is no trouble of the worker's."""

    return Server


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            known = f"no such page; known: {', '.join(pages)}\n"
            answer: Answer = page() if page else (HTTPStatus.NOT_FOUND, TEXT, known)
            status, kind, text = answer
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Write nothing: it is asked every few seconds."""

    return Handler
