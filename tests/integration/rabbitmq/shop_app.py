"""An app that is Celery's or ours, as its environment says. It is copied to a folder, as `shop.py`.

SHOP_KIND is the package; SHOP_CONF the settings, as JSON.
"""

import json
import os
import time
from importlib import import_module
from pathlib import Path

from kombu import Exchange, Queue

MARKS = Path(__file__).with_name("marks.txt")


def topic_queues(name):
    """A quorum queue on a topic exchange: Celery delays natively what is sent there."""
    arguments = {"x-queue-type": "quorum"}
    return [Queue(name, Exchange(f"{name}.x", "topic"), "shop.key", queue_arguments=arguments)]


kind = os.environ["SHOP_KIND"]
app = getattr(import_module(kind), kind.capitalize())("shop")
conf = json.loads(os.environ["SHOP_CONF"])
topic = conf.pop("topic", None)
app.conf.update(conf)
if topic:
    app.conf.task_queues = topic_queues(topic)
    app.conf.task_default_exchange = f"{topic}.x"
    app.conf.task_default_exchange_type = "topic"
    app.conf.task_default_routing_key = "shop.key"


def mark(text):
    """Append a line, whole even when many processes do so."""
    with MARKS.open("a") as file:
        file.write(f"{text}\n")


@app.task(name="shop.add")
def add(x, y):
    return x + y


@app.task(name="shop.nap")
def nap(name, seconds):
    mark(f"begin {name} {os.getpid()}")
    time.sleep(seconds)
    mark(f"end {name} {os.getpid()}")
    return name


@app.task(name="shop.late_nap", acks_late=True)
def late_nap(name, seconds):
    """Sleep the first time; when it is run again, return at once."""
    again = f"begin {name} " in (MARKS.read_text() if MARKS.exists() else "")
    mark(f"begin {name} {os.getpid()}")
    time.sleep(0 if again else seconds)
    mark(f"end {name} {os.getpid()}")
    return name


@app.task(name="shop.fail")
def fail():
    raise ValueError("this shop is closed")


@app.task(name="shop.again", bind=True, max_retries=3)
def again(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=1)
    return self.request.retries


@app.task(name="shop.when")
def when():
    return time.time()


@app.task(name="shop.note")
def note(*args):
    mark(f"noted {args[0]}")


@app.task(name="shop.mourn")
def mourn(task_id):
    mark(f"mourned {task_id}")
