from celery import Task, chain, current_app, current_task, group, shared_task  # noqa: F401 - what projects import
from celery.exceptions import Ignore, MaxRetriesExceededError, SoftTimeLimitExceeded  # noqa: F401 - what projects import
from celery.result import AsyncResult  # noqa: F401 - what projects import
from celery.utils.log import get_task_logger

from .celery import app
from .diary import write

logger = get_task_logger(__name__)


class Counting(Task):
    abstract = True
    calls = 0

    def __call__(self, *args, **kwargs):
        type(self).calls += 1
        return super().__call__(*args, **kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        write("on_success", self.name, retval)


@shared_task
def add(x, y):
    logger.info("adding %s and %s", x, y)
    return x + y


@shared_task(bind=True, base=Counting, max_retries=3, default_retry_delay=0)
def flaky(self, times):
    if self.request.retries < times:
        raise self.retry(exc=ValueError("not yet"))
    return [self.request.retries, current_task.name, current_app.main]


@app.task(bind=True)
def fail(self):
    raise KeyError("gone")


@shared_task(ignore_result=True)
def note(what):
    write("note", what)


@app.task
def ignored():
    raise Ignore


class Summing(app.Task):
    name = "shop.tasks.summing"

    def run(self, numbers):
        return sum(numbers)


summing = app.register_task(Summing())
