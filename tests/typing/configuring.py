"""Settings are attributes with types."""

from typing import assert_type

from celeriac import Celeriac

app = Celeriac("shop", broker="sqlite:///shop.db", task_default_queue="shop")

assert_type(app.conf.task_default_queue, str)
assert_type(app.conf.task_always_eager, bool)
assert_type(app.conf.worker_lease, float)
assert_type(app.conf.broker_publish_timeout, float)

app.conf.task_acks_late = True
app.conf.update(task_acks_late=False)
app.config_from_object("shop.settings", namespace="SHOP")

app.conf.task_acks_late = "yes"  # type: ignore[assignment]
app.conf.task_default_queue = 5  # type: ignore[assignment]
_ = app.conf.task_ackslate  # type: ignore[attr-defined]
