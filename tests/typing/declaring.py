"""Declaring tasks: options, classes, `bind`, shared ones."""

from collections.abc import Callable
from typing import Any, assert_type

from celeriac import Celeriac, Task, shared_task
from celeriac.result import AsyncResult

app = Celeriac("shop", broker="memory://", backend="memory://")


class Audited(Task[..., Any]):
    """A base of the project's own."""

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Note the failure."""


@app.task(base=Audited, autoretry_for=(OSError,), retry_backoff=True)
def charge(order: int) -> bool:
    """Charge a card."""
    return order > 0


@app.task(bind=True)
async def crawl(self: Task[..., Any], url: str, depth: int = 1) -> list[str]:
    """Follow links."""
    if depth > 5:
        raise self.retry(countdown=60)
    return [url]


@shared_task
def total(numbers: list[int]) -> int:
    """Add numbers up."""
    return sum(numbers)


@shared_task(bind=True, max_retries=1)
def again(self: Task[..., Any], x: int) -> str:
    """Try once more."""
    return str(x)


class Sum(Task[[int, int], int]):
    """A task as a class."""

    def run(self, x: int, y: int) -> int:
        """Add."""
        return x + y


charged: Task[[int], bool] = charge
assert_type(charge.delay(5), AsyncResult[bool])
assert_type(crawl.delay("https://example.org"), AsyncResult[list[str]])
assert_type(total.delay([1, 2]), AsyncResult[int])
assert_type(again.delay(1), AsyncResult[str])
assert_type(Sum().delay(1, 2), AsyncResult[int])

as_function: Callable[[int], bool] = charge

charge.delay("5")  # type: ignore[arg-type]
crawl.delay(5)  # type: ignore[arg-type]
crawl.delay("https://example.org", 1, 2)  # type: ignore[call-arg]
total.delay(1, 2)  # type: ignore[call-arg, arg-type]
again.delay("1")  # type: ignore[arg-type]
Sum().delay(1, "2")  # type: ignore[arg-type]
app.task(5)  # type: ignore[call-overload]
