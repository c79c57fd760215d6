from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    before_task_publish,
    celeryd_init,
    task_failure,
    task_postrun,
    task_prerun,
    task_retry,
    task_success,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from .diary import write

app = Celery("shop")
app.config_from_object("celeryconfig")
app.autodiscover_tasks(["shop"])


@app.on_after_configure.connect
def setup_periodic_tasks(sender, **kwargs):
    sender.add_periodic_task(3600.0, sender.signature("shop.tasks.note", ("hourly",)), name="hour")
    write("on_after_configure", sender.main)


@before_task_publish.connect
def stamp(sender=None, headers=None, body=None, **kwargs):
    headers["tenant"] = "acme"


@after_task_publish.connect(sender="shop.tasks.add")
def published(sender=None, headers=None, body=None, **kwargs):
    write("after_task_publish", sender, headers["id"], list(body[0]))


@celeryd_init.connect
def configure(sender=None, instance=None, conf=None, **kwargs):
    write("celeryd_init", sender)


@worker_init.connect
def init(sender=None, **kwargs):
    write("worker_init", sender.hostname)


@worker_process_init.connect
def process_init(sender=None, **kwargs):
    write("worker_process_init", sender)


@worker_process_shutdown.connect
def process_shutdown(sender=None, pid=None, exitcode=None, **kwargs):
    write("worker_process_shutdown", exitcode)


@beat_init.connect
def beat_begins(sender=None, **kwargs):
    write("beat_init", sender.app.main)


@worker_ready.connect
def ready(sender=None, **kwargs):
    write("worker_ready", sender.hostname)
    sender.app.send_task("shop.tasks.note", args=("ready",))


@worker_shutting_down.connect
def shutting_down(sender=None, sig=None, how=None, exitcode=None, **kwargs):
    write("worker_shutting_down", sig, how)


@worker_shutdown.connect
def shutdown(sender=None, **kwargs):
    write("worker_shutdown", sender.hostname)


@task_prerun.connect
def prerun(sender=None, task_id=None, task=None, args=None, kwargs=None, **other):
    write("task_prerun", sender.name, task_id, task.request.tenant)


@task_postrun.connect
def postrun(sender=None, task_id=None, task=None, retval=None, state=None, **other):
    write("task_postrun", sender.name, task_id, state)


@task_success.connect
def success(sender=None, result=None, **kwargs):
    write("task_success", sender.name, repr(result))


@task_failure.connect
def failure(sender=None, task_id=None, exception=None, einfo=None, traceback=None, **kwargs):
    write("task_failure", sender.name, task_id, repr(exception), traceback is not None)


@task_retry.connect
def retry(sender=None, request=None, reason=None, einfo=None, **kwargs):
    write("task_retry", sender.name, request.id, request.retries)
