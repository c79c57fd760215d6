"""Have a task sent every second, by a row in the database."""

import django

django.setup()

from django_celery_beat.models import IntervalSchedule, PeriodicTask  # noqa: E402

every, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
PeriodicTask.objects.create(name="each second", interval=every, task="shop.tasks.tick")
