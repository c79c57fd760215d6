"""`celery.contrib.testing.manager`: waiting for what workers do, with a deadline."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from ...domain.errors import TimeoutError as NotInTime
from ..library.app import Celeriac

__all__ = ["E_STILL_WAITING", "Manager", "ManagerMixin", "Sentinel"]

E_STILL_WAITING: Final = "Still waiting for {0}.  Trying again {when}: {exc!r}"


class Sentinel(Exception):
    """What was waited for is not there yet."""


class ManagerMixin:
    """Ways of waiting. Each is a poll with pauses, and raises when its attempts are used up."""

    app: Celeriac
    no_join = False

    def remark(self, s: str, sep: str = "-") -> None:
        """Print a line for whoever watches."""
        sys.stdout.write(f"{sep}{s}\n")

    def warn(self, s: str) -> None:
        """Print a warning."""
        self.remark(s, sep="!")

    def missing_results(self, r: Iterable[Any]) -> list[str]:
        """Return the ids of those that are not ready."""
        return [result.id for result in r if not result.ready()]

    def wait_for(
        self,
        fun: Callable[..., Any],
        catch: Any,
        desc: str = "thing",
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        errback: Callable[..., Any] | None = None,
        max_retries: int | None = 10,
        interval_start: float = 0.1,
        interval_step: float = 0.5,
        interval_max: float = 5.0,
        emit_warning: bool = False,
        **options: Any,
    ) -> Any:
        """Call a function until it raises none of `catch`; return what it returned.

        Pauses are in seconds; `max_retries` None: for ever. The last exception is raised.
        """
        attempt, pause = 0, interval_start
        while True:
            try:
                return fun(*args, **(kwargs or {}))
            except catch as exc:
                if max_retries is not None and attempt >= max_retries:
                    raise
                if errback is not None:
                    errback(exc, pause, attempt)
                if emit_warning:
                    self.warn(E_STILL_WAITING.format(desc, when=f"in {pause:g} s", exc=exc))
            time.sleep(pause)
            attempt, pause = attempt + 1, min(pause + interval_step, interval_max)

    def ensure_not_for_a_while(
        self,
        fun: Callable[..., Any],
        catch: Any,
        desc: str = "thing",
        max_retries: int = 20,
        interval_start: float = 0.1,
        interval_step: float = 0.02,
        interval_max: float = 1.0,
        emit_warning: bool = False,
        **options: Any,
    ) -> None:
        """See that a function goes on raising one of `catch`. Raises AssertionError if it stops."""
        pause = interval_start
        for _ in range(max_retries):
            try:
                fun()
            except catch:
                time.sleep(pause)
                pause = min(pause + interval_step, interval_max)
            else:
                raise AssertionError(f"Should not have happened: {desc}")

    def retry_over_time(self, fun: Callable[..., Any], catch: Any, **kwargs: Any) -> Any:
        """Call a function until it raises none of `catch`; see `wait_for`."""
        return self.wait_for(fun, catch, **kwargs)

    def join(self, r: Any, propagate: bool = False, max_retries: int = 10, **kwargs: Any) -> Any:
        """Return the values of results, waiting for each up to 3 seconds, some times over.

        Raises AssertionError when some are missing in the end.
        """
        for _ in range(max_retries):
            try:
                return r.get(propagate=propagate, **{"timeout": 3.0, **kwargs})
            except NotInTime as late:
                missing = self.missing_results(getattr(r, "results", [r]))
                self.warn(f"still waiting for {len(missing)} results: {late}")
        raise AssertionError(f"Test failed: missing task results ({r})")

    # -- asking workers

    def inspect(self, timeout: float = 3.0) -> Any:
        """Return what asks workers."""
        return self.app.control.inspect(timeout=timeout)

    def query_tasks(self, ids: Collection[str], timeout: float = 0.5) -> Iterable[Any]:
        """Yield (node, what it knows of these tasks)."""
        yield from (self.inspect(timeout).query_task(*ids) or {}).items()

    def query_task_states(self, ids: Collection[str], timeout: float = 0.5) -> dict[str, set[str]]:
        """Return which of these tasks workers hold, by state (`active`, `reserved`, …)."""
        states: dict[str, set[str]] = {}
        for _, reply in self.query_tasks(ids, timeout):
            for id_, (state, _) in reply.items():
                states.setdefault(state, set()).add(id_)
        return states

    def is_received(self, ids: Collection[str], **kwargs: Any) -> bool:
        """Tell whether workers hold all of them."""
        held = set[str]().union(*self.query_task_states(ids).values())
        return set(ids) <= held

    def is_accepted(self, ids: Collection[str], **kwargs: Any) -> bool:
        """Tell whether all of them run."""
        return set(ids) <= self.query_task_states(ids).get("active", set())

    def is_result_task_in_progress(self, results: Iterable[Any], **kwargs: Any) -> bool:
        """Tell whether all have begun, by what is stored of them."""
        return all(result.state in ("STARTED", "SUCCESS") for result in results)

    # -- asserting

    def true_or_raise(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a function returns; raise Sentinel if that is nothing."""
        found = fun(*args, **kwargs)
        if not found:
            raise Sentinel(f"{getattr(fun, '__name__', fun)} says {found!r}")
        return found

    def assert_task_worker_state(
        self, fun: Callable[..., Any], ids: Any, interval: float = 0.5, **policy: Any
    ) -> Any:
        """Wait until a function says yes of these tasks; see `wait_for`."""
        policy = {
            "interval_start": interval,
            "interval_step": 0,
            "interval_max": interval,
            **policy,
        }
        return self.wait_for(self.true_or_raise, Sentinel, args=(fun, ids), **policy)

    def assert_received(
        self,
        ids: Collection[str],
        interval: float = 0.5,
        desc: str = "waiting for tasks to be received",
        **policy: Any,
    ) -> Any:
        """Wait until workers hold these tasks."""
        return self.assert_task_worker_state(self.is_received, ids, interval, desc=desc, **policy)

    def assert_accepted(
        self,
        ids: Collection[str],
        interval: float = 0.5,
        desc: str = "waiting for tasks to be accepted",
        **policy: Any,
    ) -> Any:
        """Wait until these tasks run."""
        return self.assert_task_worker_state(self.is_accepted, ids, interval, desc=desc, **policy)

    def assert_task_state_from_result(
        self, fun: Callable[..., Any], results: Any, interval: float = 0.5, **policy: Any
    ) -> Any:
        """Wait until a function says yes of these results."""
        return self.assert_task_worker_state(fun, results, interval, **policy)

    def assert_result_tasks_in_progress_or_completed(
        self,
        async_results: Any,
        interval: float = 0.5,
        desc: str = "waiting for tasks to be started or completed",
        **policy: Any,
    ) -> Any:
        """Wait until these tasks have begun, by what is stored of them."""
        return self.assert_task_state_from_result(
            self.is_result_task_in_progress, async_results, interval, desc=desc, **policy
        )

    def wait_until_idle(self) -> None:
        """Wait until no worker holds a task. Raises AssertionError after about a minute."""

        def is_idle() -> bool:
            inspect = self.inspect()
            held = [*(inspect.active() or {}).values(), *(inspect.reserved() or {}).values()]
            return not any(held)

        try:
            self.assert_task_worker_state(lambda _: is_idle(), (), max_retries=20)
        except Sentinel as busy:
            raise AssertionError("workers still hold tasks") from busy


class Manager(ManagerMixin):
    """Waits for what the workers of an app do."""

    def __init__(self, app: Celeriac, **kwargs: Any) -> None:
        """Wait for this app's workers."""
        self.app = app
