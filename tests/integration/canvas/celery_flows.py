"""An app of Celery's on Redis: for a worker of Celery's, and to send all work-flows by Celery."""

import json
import os
import sys
import warnings
from typing import Any

from celery import Celery, canvas

from tests.integration.canvas import layouts

STORE = os.environ["FLOW_STORE"]
OPTIONS = {"global_keyprefix": os.environ["FLOW_PREFIX"]}
app = Celery("flows", broker=STORE, backend=STORE)
app.conf.broker_transport_options = app.conf.result_backend_transport_options = OPTIONS


def _named(name: str) -> Any:
    def task(*args: Any) -> Any:
        return [name, *args]

    return app.task(name=name)(task)


TASKS = {name: _named(name) for name in "abcdef"}


def main() -> None:
    """Send all that layouts.RUNNABLE has, wait, and print what each came to."""
    warnings.simplefilter("ignore")
    sent = {}
    for expression in layouts.RUNNABLE:
        names = {name: task.s(number) for number, (name, task) in enumerate(TASKS.items())}
        sent[expression] = eval(expression, {**vars(canvas), **names}).delay()  # noqa: S307 - ours
    json.dump({name: result.get(timeout=30) for name, result in sent.items()}, sys.stdout)


if __name__ == "__main__":
    main()
