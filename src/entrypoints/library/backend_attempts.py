"""What a backend of a site's own does again, where `result_backend_always_retry` allows it."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from ...domain.tasks.retries import backoff
from .backend import Backend

T = TypeVar("T")

logger = logging.getLogger("celeriac.results")


class BackendAttempts(Backend):
    """Reads and writes again after errors that the backend calls passing."""

    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        """Tell whether an error will pass. Heirs define which; none does by itself."""
        return False

    def on_backend_retryable_error(self, exc: BaseException) -> None:
        """Called before each new attempt, for heirs: say to connect anew."""

    def attempted(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call it; after errors that will pass again and again, as the settings say.

        Those are `result_backend_always_retry`, `…_max_retries`,
        `…_base_sleep_between_retries_ms` and `…_max_sleep_between_retries_ms`.
        """
        conf, attempts = self.app.conf, 0
        while True:
            try:
                return call(*args, **kwargs)
            except Exception as exc:
                limit = conf.result_backend_max_retries
                if not conf.result_backend_always_retry:
                    raise
                if limit is not None and attempts >= limit:
                    raise
                if not self.exception_safe_to_retry(exc):
                    raise
                logger.warning("%s: %r; trying again", type(self).__qualname__, exc)
                self._prepare_for_another(exc)
            attempts += 1
            least = conf.result_backend_base_sleep_between_retries_ms / 1000
            most = conf.result_backend_max_sleep_between_retries_ms / 1000
            self.app.clock.wait(backoff(attempts, least, most, self.app.fraction()))

    def _prepare_for_another(self, exc: BaseException) -> None:
        try:
            self.on_backend_retryable_error(exc)
        except Exception:
            logger.exception("%s.on_backend_retryable_error raised", type(self).__qualname__)
