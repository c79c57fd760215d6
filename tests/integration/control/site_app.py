"""One app, of Celery's or of ours as the environment says, for processes of both kinds."""

import json
import os
import time

if os.environ["SITE_KIND"] == "celery":
    from celery import Celery as App
else:
    from celeriac import Celeriac as App

ON_REDIS = os.environ["SITE_BROKER"].startswith("redis")
PREFIX = {"global_keyprefix": os.environ["SITE_PREFIX"]} if ON_REDIS else {}
BROKER = os.environ["SITE_BROKER"]

app = App("site", broker=BROKER, backend=BROKER if ON_REDIS else "cache+memory://")
app.conf.update(
    broker_transport_options=PREFIX,
    result_backend_transport_options=PREFIX,
    worker_prefetch_multiplier=1,
    task_default_queue="jobs",
    worker_send_task_events=True,
    task_send_sent_event=True,
    **json.loads(os.environ.get("SITE_SETTINGS", "{}")),
)


@app.task(name="site.add")
def add(x, y):
    """Add."""
    return x + y


@app.task(name="site.nap", bind=True, max_retries=1)
def nap(self, seconds, again=False):
    """Sleep; with `again`, a second time."""
    time.sleep(seconds)
    if again and not self.request.retries:
        raise self.retry(countdown=0)
    return "rested"


@app.task(name="site.fail")
def fail():
    """Fail."""
    raise ValueError("the site is closed")
