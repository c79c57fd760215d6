"""`celery.utils`, and the parts of kombu's utilities that are reached through it."""

from typing import Any
from uuid import uuid4

from .functional import chunks, memoize, noop
from .imports import gen_task_name, import_from_cwd, instantiate, qualname, symbol_by_name
from .log import LOG_LEVELS
from .nodenames import nodename, nodesplit, worker_direct
from .objects import cached_property

get_full_cls_name = qualname
get_cls_by_name = symbol_by_name

__all__ = [
    "LOG_LEVELS",
    "cached_property",
    "chunks",
    "gen_task_name",
    "gen_unique_id",
    "get_cls_by_name",
    "get_full_cls_name",
    "import_from_cwd",
    "instantiate",
    "memoize",
    "nodename",
    "nodesplit",
    "noop",
    "uuid",
    "worker_direct",
]


def uuid(_uuid: Any = uuid4) -> str:
    """Return a new id."""
    return str(_uuid())


gen_unique_id = uuid

# What is below it is imported by this name.
__name__ = "celery.utils"
