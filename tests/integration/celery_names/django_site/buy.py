"""What the project's web server does, and what it finds in its database: printed as JSON."""

import json
import sys

import django

django.setup()

from celery import chord, group  # noqa: E402
from celery.result import GroupResult  # noqa: E402
from django.db import transaction  # noqa: E402
from django_celery_results.models import TaskResult  # noqa: E402
from shop.models import Order  # noqa: E402
from shop.tasks import flaky, pay, refuse, total  # noqa: E402

WAIT = 30
order = Order.objects.create(cents=7)
seen = {}
with transaction.atomic():
    late = Order.objects.create(cents=8)
    pay.delay_on_commit(late.pk)
seen["paid"] = pay.delay(order.pk).get(WAIT)
seen["flaky"] = flaky.delay().get(WAIT)
failed = refuse.delay()
seen["failed"] = type(failed.get(WAIT, propagate=False)).__name__
several = group(pay.s(order.pk) for _ in range(3)).apply_async()
several.save()
seen["group"] = GroupResult.restore(several.id).get(WAIT)
seen["chord"] = chord([pay.s(order.pk)] * 3)(total.s()).get(WAIT)
rows = TaskResult.objects.filter(task_name="shop.tasks.refuse")
seen["row"] = [[row.status, json.loads(row.task_args), "no" in row.traceback] for row in rows]
late.refresh_from_db()
seen["committed"] = late.paid
json.dump(seen, sys.stdout)
