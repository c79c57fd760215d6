"""Say how often the planned task has run, and what its row says."""

import json
import sys

import django

django.setup()

from django_celery_results.models import TaskResult  # noqa: E402
from shop.models import Order  # noqa: E402

rows = TaskResult.objects.filter(task_name="shop.tasks.tick", status="SUCCESS")
names = sorted(set(rows.values_list("periodic_task_name", flat=True)))
json.dump([Order.objects.filter(cents=999).count(), names], sys.stdout)
