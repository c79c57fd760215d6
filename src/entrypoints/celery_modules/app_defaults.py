"""`celery.app.defaults`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...domain.settings import sections
from ...domain.settings.options import DEFAULTS
from ...domain.settings.sections import Found as searchresult
from ...domain.settings.sections import Option, find

__all__ = [
    "DEFAULTS",
    "DEFAULT_ACCEPT_CONTENT",
    "DEFAULT_POOL",
    "DEFAULT_PROCESS_LOG_FMT",
    "DEFAULT_SECURITY_DIGEST",
    "DEFAULT_TASK_LOG_FMT",
    "NAMESPACES",
    "OLD_NS",
    "OLD_NS_BEAT",
    "OLD_NS_WORKER",
    "SETTING_KEYS",
    "Namespace",
    "Option",
    "find",
    "find_deprecated_settings",
    "flatten",
    "old_ns",
    "searchresult",
]

SETTING_KEYS = frozenset(DEFAULTS)
DEFAULT_ACCEPT_CONTENT = DEFAULTS["accept_content"]
DEFAULT_POOL = DEFAULTS["worker_pool"]
DEFAULT_PROCESS_LOG_FMT = DEFAULTS["worker_log_format"]
DEFAULT_TASK_LOG_FMT = DEFAULTS["worker_task_log_format"]
DEFAULT_SECURITY_DIGEST = DEFAULTS["security_digest"]

#: All options: those of a section in a dictionary under its name.
NAMESPACES = sections.sections()


def Namespace(__old__: Iterable[str] | None = None, **options: Any) -> dict[str, Any]:
    """Return options by name; patterns such as `celery_{0}` say how they were spelled before."""
    for key, option in options.items() if __old__ else ():
        option.old = option.old or {pattern.format(key) for pattern in __old__ or ()}
    return options


def old_ns(ns: str) -> set[str]:
    """Return the pattern by which the names of a section were spelled before."""
    return {f"{ns}_{{0}}"}


#: Patterns of three sections whose names were spelled otherwise than they are called.
OLD_NS = old_ns("celery")
OLD_NS_BEAT = old_ns("celerybeat")
OLD_NS_WORKER = old_ns("celeryd")


def find_deprecated_settings(source: Any) -> Any:
    """Return the source as it is: both spellings are known, and no setting is to go."""
    return source


def flatten(
    d: Mapping[str, Any],
    root: str = "",
    keyfilter: Callable[[str, str, Any], Iterable[Any]] | None = None,
) -> Iterator[Any]:
    """Yield (whole name, option), or what `keyfilter(section, name, option)` makes of each."""
    for key, option in d.items():
        if isinstance(option, dict):
            yield from flatten(option, f"{root}{key}_", keyfilter)
        elif keyfilter is None:
            yield root + key, option
        else:
            yield from keyfilter(root, key, option)
