from django.db import models


class Order(models.Model):
    """What somebody has bought."""

    cents = models.IntegerField()
    paid = models.BooleanField(default=False)
