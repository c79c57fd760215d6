"""DynamoDB and S3 on this machine, by moto, for tests that write from many threads.

moto locks nothing, so that requests here come one after the other; and it copies a table for each
item of a transaction, of which here only the items that the transaction names are copied.
"""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def moto_tables() -> Iterator[str]:
    """Run a server on a free port; gives its URL."""
    from moto.dynamodb import models
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *args: Any, **kwargs: Any) -> None:
            """Say nothing."""

    application: Any = DomainDispatcherApplication(create_backend_app)
    turn = threading.Lock()

    def in_turn(environ: Any, start_response: Any) -> list[bytes]:
        with turn:
            return list(application(environ, start_response))

    with _quick_transactions(models):
        server = make_server("127.0.0.1", 0, in_turn, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, daemon=True, name="moto tables")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Snapshots:
    """Stands for the module `copy`: of a table it copies only the items that are named."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.named: set[str] = set()
        self.taken: Any = None

    def deepcopy(self, value: Any) -> Any:
        """Copy all there is to change."""
        if not isinstance(value, self._table):
            return copy.deepcopy(value)
        if self.taken is None:
            self.taken = copy.copy(value)
            self.taken.items = defaultdict(dict, value.items)
            for key in self._keys(value):
                self.taken.items[key] = copy.deepcopy(value.items[key])
        return self.taken

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)

    def _keys(self, table: Any) -> Iterable[Any]:
        from moto.dynamodb.models.dynamo_type import DynamoType

        keys = (DynamoType({"S": name}) for name in self.named)
        return [key for key in keys if key in table.items]


@contextmanager
def _quick_transactions(models: Any) -> Iterator[None]:
    backend, snapshots = models.DynamoDBBackend, _Snapshots(models.Table)
    module, transact = models.copy, backend.transact_write_items

    def noting(self: Any, transact_items: Any) -> None:
        told = [how for action in transact_items for how in action.values()]
        # All copies are made before anything is changed: one is enough.
        snapshots.taken = None
        snapshots.named = {(how.get("Key") or how["Item"])["id"]["S"] for how in told}
        transact(self, transact_items)

    models.copy, backend.transact_write_items = snapshots, noting
    try:
        yield
    finally:
        models.copy, backend.transact_write_items = module, transact
