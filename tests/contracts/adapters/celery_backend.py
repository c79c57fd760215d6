"""A result backend that a site has written for Celery; the broker's store counts its chords."""

from __future__ import annotations

import json
from dataclasses import replace

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryStore, VirtualClock
from celeriac.domain.messaging.payload import Payload
from celeriac.entrypoints.library.key_value_backend import KeyValueStoreBackend

from ..place import Place


class Cupboard(KeyValueStoreBackend):
    """Keeps everything in a dict, of which all clients of one place know."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.shelf = self.app.conf.result_backend_transport_options["shelf"]

    def get(self, key):
        return self.shelf.get(key)

    def set(self, key, value):
        self.shelf[key] = value

    def delete(self, key):
        self.shelf.pop(key, None)


class CeleryBackendPlace(Place):
    ports = frozenset({"results"})
    bears_crowds = False
    keeps_bytes = False
    sweeps = False

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.shelf: dict[bytes, str] = {}
        self.apps: list[Celeriac] = []

    @classmethod
    def make(cls, request):
        return cls()

    def results(self, *, host_time=False):
        store = MemoryStore() if host_time else self.store
        app = Celeriac(
            broker=MemoryBroker(store),
            backend=Cupboard,
            clock=None if host_time else self.clock,
            set_as_current=False,
            result_backend_transport_options={"shelf": self.shelf},
            result_backend_thread_safe=True,
            result_accept_content=["json", "pickle"],
        )
        self.apps.append(app)
        return app.results

    def kept(self, record):
        """What is kept is encoded anew: nothing as null, and an error with a module."""
        value = json.loads(record.result.data) if record.result else None
        if record.state == "FAILURE":
            value.setdefault("exc_module", "celery.exceptions")
        return replace(record, result=Payload(json.dumps(value).encode()))

    def close(self) -> None:
        for app in self.apps:
            app.close()
