"""`celery.registry`: the tasks of the current app."""

from typing import Any

from ..library.current import Proxy, get_current

#: The registry of whatever app is the current one.
tasks: Any = Proxy(lambda: get_current().tasks)
