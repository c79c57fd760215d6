"""An app that uses what others have made for Celery. It is copied to a folder, as `shop.py`."""

import os
import time

from celery import Celery
from celery_once import QueueOnce
from celery_singleton import Singleton

URL, PREFIX = os.environ["SHOP_REDIS"], os.environ["SHOP_PREFIX"]
app = Celery("shop", broker=URL, backend=URL)
app.conf.update(
    broker_transport_options={"global_keyprefix": PREFIX},
    result_backend_transport_options={"global_keyprefix": PREFIX},
    beat_scheduler="redbeat.RedBeatScheduler",
    redbeat_redis_url=URL,
    redbeat_redis_options={},
    redbeat_key_prefix=f"{PREFIX}redbeat:",
    redbeat_lock_timeout=5,
    beat_max_loop_interval=1,
    beat_schedule={"tick": {"task": "shop.tick", "schedule": 1.0}},
    singleton_key_prefix=f"{PREFIX}single_",
)
app.conf.ONCE = {
    "backend": "celery_once.backends.Redis",
    "settings": {"url": URL, "default_timeout": 60},
}


@app.task(name="shop.once", base=QueueOnce)
def once(name):
    until_allowed(name)
    return name


@app.task(name="shop.single", base=Singleton)
def single(name):
    until_allowed(name)
    return name


@app.task(name="shop.tick")
def tick():
    with open("ticks.txt", "a") as file:
        file.write("tick\n")


def until_allowed(name):
    """Wait for a file of this name."""
    for _ in range(600):
        if os.path.exists(name):
            return
        time.sleep(0.05)
