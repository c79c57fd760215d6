"""What a client needs to end tasks that wait: the parts of a worker that do so, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..application.run_task import RunSettings, TaskRunner
from ..application.withdraw import Withdrawal
from .choices import make_settler

if TYPE_CHECKING:
    from ..ports.broker import Broker
    from .library.app import Celeriac


def withdrawal(app: Celeriac, owner: Broker) -> Withdrawal:
    """Return what withdraws tasks of an app; `owner` is a broker with which nobody else claims."""
    conf, container = app.conf, app.container
    node = container.sender().origin
    runner = TaskRunner(
        app.tasks.get,
        container.codec(),
        lambda: app.sending,
        container.clock(),
        RunSettings(
            *(node, conf.result_serializer, conf.result_extended),
            polled_chords=conf.result_chord_polling,
        ),
        results=container.result_codec(),
    )
    settler = make_settler(conf, owner, container.results(), runner.join)
    return Withdrawal(node, owner, settler, container.results(), runner, container.clock())
