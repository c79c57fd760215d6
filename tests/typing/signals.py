"""Signals, and the parts of an app under Celery's names."""

from typing import Any, assert_type

import celeriac
from celeriac import Celeriac
from celeriac.entrypoints.library.amqp import AMQP
from celeriac.entrypoints.library.backend import Backend
from celeriac.entrypoints.library.connections import Connection
from celeriac.signals import task_failure, worker_ready

app = Celeriac("shop", broker="memory://", backend="memory://", loader="app")


@worker_ready.connect
def hello(sender: Any = None, **kwargs: Any) -> str:
    """Be told that a worker is ready."""
    return str(sender)


@task_failure.connect(sender="shop.charge", weak=False)
def alert(sender: Any = None, **kwargs: Any) -> None:
    """Be told of failures."""


@app.on_after_configure.connect
def setup(sender: Celeriac, **kwargs: Any) -> None:
    """Add what is due now and then."""
    sender.add_periodic_task(10.0, sender.signature("shop.note"))


def quiet(**kwargs: Any) -> None:
    """Hear, and say nothing."""


# What was connected keeps its type.
assert_type(hello(sender="x"), str)
task_failure.connect(quiet, sender=app, dispatch_uid="quiet")
assert_type(task_failure.disconnect(quiet), bool)
assert_type(task_failure.has_listeners(), bool)

celeriac.install_as_celery()
assert_type(app.amqp, AMQP)
assert_type(app.backend, Backend)
assert_type(app.connection(), Connection)
assert_type(app.backend.get_state("id"), str)
app.autodiscover_tasks(["shop"], related_name="jobs")
app.autodiscover_tasks(lambda: ["shop"], force=True)

worker_ready.connect(5)  # type: ignore[call-overload]
app.autodiscover_tasks(5)  # type: ignore[arg-type]
