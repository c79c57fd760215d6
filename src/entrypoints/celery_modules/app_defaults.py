"""`celery.app.defaults`."""

from ...domain.settings.options import DEFAULTS

__all__ = [
    "DEFAULTS",
    "DEFAULT_ACCEPT_CONTENT",
    "DEFAULT_POOL",
    "DEFAULT_PROCESS_LOG_FMT",
    "DEFAULT_SECURITY_DIGEST",
    "DEFAULT_TASK_LOG_FMT",
    "SETTING_KEYS",
]

SETTING_KEYS = frozenset(DEFAULTS)
DEFAULT_ACCEPT_CONTENT = DEFAULTS["accept_content"]
DEFAULT_POOL = DEFAULTS["worker_pool"]
DEFAULT_PROCESS_LOG_FMT = DEFAULTS["worker_log_format"]
DEFAULT_TASK_LOG_FMT = DEFAULTS["worker_task_log_format"]
DEFAULT_SECURITY_DIGEST = DEFAULTS["security_digest"]
