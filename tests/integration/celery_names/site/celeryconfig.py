from datetime import timedelta

from celery.schedules import crontab

broker_url = "sqlite:///shop.sqlite3"
result_backend = "sqlite:///shop.sqlite3"
worker_concurrency = 1
task_track_started = True
result_extended = True
worker_task_log_format = "[%(levelname)s] %(task_name)s[%(task_id)s]: %(message)s"
beat_schedule = {
    "sweep": {"task": "shop.tasks.note", "schedule": timedelta(seconds=1), "args": ("beat",)},
    "report": {"task": "shop.tasks.note", "schedule": crontab(hour=3), "args": ("night",)},
}
