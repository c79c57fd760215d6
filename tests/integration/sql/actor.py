"""A process of its own on an SQL store: `python -m tests.integration.sql.actor URL VERB …`.

It says what it has done in lines on its standard output, each written before the next step begins,
so that a test may kill it at any line.
"""

from __future__ import annotations

import sys
from uuid import uuid4

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.adapters.sql.results import SqlResults
from celeriac.adapters.sql.settler import SqlSettler
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import Settlement

JOBS, NEXT = "jobs", "next"


def message(task_id, queue=JOBS):
    return TaskMessage(task_id, "tasks.add", b"[]", queue=queue, routing_key=queue)


def say(*words):
    print(*words, flush=True)  # noqa: T201 - this is how it reports


def publish(broker, results, size, rounds):
    """Publish batches; say each id after it was confirmed."""
    for _ in range(int(rounds)):
        batch = [message(uuid4().hex) for _ in range(int(size))]
        broker.publish(batch, deadline=20)
        say(*(one.id for one in batch))


def drain(broker, results, lease, limit, wait):
    """Claim, start and settle until nothing comes; each task publishes one message to NEXT."""
    broker.enlist("actor@host", float(lease))
    settler = SqlSettler(broker, results)
    say("enlisted")
    while claimed := broker.claim([JOBS], int(limit), float(wait)):
        broker.mark_started([one.token for one in claimed])
        say(*(one.message.id for one in claimed))
        settler.settle([settled(one) for one in claimed])
    say("end")


def settled(delivery):
    task_id = delivery.message.id
    record = ResultRecord(task_id, "SUCCESS", Payload(b"1"))
    return Settlement(
        delivery.token, results=(record,), publish=(message(f"after-{task_id}", NEXT),)
    )


def hold(broker, results, lease, limit):
    """Claim and do nothing more."""
    broker.enlist("actor@host", float(lease))
    say(*(one.message.id for one in broker.claim([JOBS], int(limit), 20)))
    sys.stdin.read()


def open_store(broker, results):
    """Open and say so, when told to begin."""
    say("here")
    sys.stdin.readline()
    broker.open()
    results.open()
    say("open")


VERBS = {"publish": publish, "drain": drain, "hold": hold, "open": open_store}

if __name__ == "__main__":
    url, verb, *arguments = sys.argv[1:]
    store = SqlStore.from_url(url, clock=SystemClock(), timeout=20)
    VERBS[verb](SqlBroker(store), SqlResults(store), *arguments)
