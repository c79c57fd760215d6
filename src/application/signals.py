"""The signals there are, by Celery's names: who sends each, and what with.

What must stay true: whoever sends looks at `receivers` first, so that a signal nobody listens to
costs that look and no more.
"""

from typing import Final

from .signal import Signal


def _declare(name: str, words: str = "") -> Signal:
    return Signal(words.split(), name=name)


# Around publishing. The sender is the task's name.
before_task_publish: Final = _declare(
    "before_task_publish", "body exchange routing_key headers properties declare retry_policy"
)
after_task_publish: Final = _declare("after_task_publish", "body exchange routing_key headers")
#: Celery's old name of `after_task_publish`.
task_sent: Final = _declare("task_sent", "task_id task args kwargs eta taskset")

# Around running. The sender is the task.
task_prerun: Final = _declare("task_prerun", "task_id task args kwargs")
task_postrun: Final = _declare("task_postrun", "task_id task args kwargs retval state")
task_success: Final = _declare("task_success", "result runtime")
task_retry: Final = _declare("task_retry", "request reason einfo")
task_failure: Final = _declare("task_failure", "task_id exception args kwargs traceback einfo")
task_internal_error: Final = _declare(
    "task_internal_error", "task_id args kwargs request exception traceback einfo"
)

# What a worker meets. The sender is the task for `task_revoked`, else the worker.
task_received: Final = _declare("task_received", "request")
task_revoked: Final = _declare("task_revoked", "request terminated signum expired")
task_rejected: Final = _declare("task_rejected", "message exc")
task_unknown: Final = _declare("task_unknown", "message exc name id")

# A worker's life.
celeryd_init: Final = _declare("celeryd_init", "instance conf options")
celeryd_after_setup: Final = _declare("celeryd_after_setup", "instance conf")
import_modules: Final = _declare("import_modules")
worker_init: Final = _declare("worker_init")
worker_before_create_process: Final = _declare("worker_before_create_process")
worker_process_init: Final = _declare("worker_process_init")
worker_process_shutdown: Final = _declare("worker_process_shutdown", "pid exitcode")
worker_ready: Final = _declare("worker_ready")
worker_shutting_down: Final = _declare("worker_shutting_down", "sig how exitcode")
worker_shutdown: Final = _declare("worker_shutdown")
heartbeat_sent: Final = _declare("heartbeat_sent")

# Logs. There is no sender.
setup_logging: Final = _declare("setup_logging", "loglevel logfile format colorize")
after_setup_logger: Final = _declare(
    "after_setup_logger", "logger loglevel logfile format colorize"
)
after_setup_task_logger: Final = _declare(
    "after_setup_task_logger", "logger loglevel logfile format colorize"
)

# Beat. The sender is the beat.
beat_init: Final = _declare("beat_init")
beat_embedded_init: Final = _declare("beat_embedded_init")

# Pools of green threads. The sender is the pool.
eventlet_pool_started: Final = _declare("eventlet_pool_started")
eventlet_pool_preshutdown: Final = _declare("eventlet_pool_preshutdown")
eventlet_pool_postshutdown: Final = _declare("eventlet_pool_postshutdown")
eventlet_pool_apply: Final = _declare("eventlet_pool_apply", "target args kwargs")

# The command line.
user_preload_options: Final = _declare("user_preload_options", "app options")
