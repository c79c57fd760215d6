"""`celery.contrib.django.task`: tasks that are sent once Django's transaction is committed."""

import functools
from importlib import import_module
from typing import Any

from ..library.task import Task

__all__ = ["DjangoTask"]


class DjangoTask(Task[..., Any]):
    """A task whose `…_on_commit` methods send when the transaction that is open is committed.

    Without one they send at once; after a rollback they never do.
    """

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """As `delay`, once the transaction is committed; there is no result to return yet."""
        self.apply_async_on_commit(args, kwargs)

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """As `apply_async`, once the transaction is committed. `using` names the database."""
        transaction: Any = import_module("django.db.transaction")
        using = kwargs.pop("using", None)
        send = functools.partial(self.apply_async, *args, **kwargs)
        transaction.on_commit(send, using=using)
