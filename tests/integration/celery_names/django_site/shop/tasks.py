from celery import shared_task

from .models import Order


@shared_task
def pay(pk):
    order = Order.objects.get(pk=pk)
    order.paid = True
    order.save()
    return order.cents


@shared_task
def total(amounts):
    return sum(amounts)


@shared_task(bind=True, max_retries=2)
def flaky(self):
    if self.request.retries < 1:
        raise self.retry(countdown=0.1)
    return "done"


@shared_task
def refuse():
    raise ValueError("no")


@shared_task
def tick():
    Order.objects.create(cents=999)
