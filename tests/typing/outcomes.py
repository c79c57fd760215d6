"""Results are typed by what the task returns, whichever way they are asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_type

from celeriac import Celeriac
from celeriac.entrypoints.library.eager_results import EagerResult
from celeriac.result import AsyncResult

app = Celeriac("shop", broker="memory://", backend="memory://")


@app.task
def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


@app.task
async def page(url: str) -> bytes:
    """Fetch a page."""
    return url.encode()


@app.task(queue="slow")
async def size(url: str) -> int:
    """Measure a page."""
    return len(url)


assert_type(add.delay(1, 2).get(), int)
assert_type(add.delay(1, 2).get(timeout=10), int)
assert_type(add.delay(1, 2).wait(), int)
assert_type(add.apply((1, 2)), EagerResult[int])
assert_type(add.apply((1, 2)).get(), int)
assert_type(page.delay("https://example.org").get(), bytes)
assert_type(size.delay("https://example.org").get(), int)
assert_type(add.AsyncResult("id"), AsyncResult[int])
assert_type(app.AsyncResult("id"), AsyncResult[Any])
assert_type(add.delay(1, 2).state, str)
assert_type(add.delay(1, 2).traceback, str | None)
assert_type(add.delay(1, 2).ready(), bool)


async def awaited() -> None:
    """Await results."""
    assert_type(await add.delay(1, 2), int)
    assert_type(await page.delay("https://example.org"), bytes)


def done_at(result: AsyncResult[int]) -> datetime | None:
    """Use the time a task was done."""
    moment: datetime | None = result.date_done
    return moment


def published(numbers: Sequence[int]) -> list[AsyncResult[Any]]:
    """Send many calls."""
    return app.publish_many(add.s(n, n) for n in numbers)


text: str = add.delay(1, 2).get()  # type: ignore[assignment]
word: AsyncResult[str] = add.delay(1, 2)  # type: ignore[assignment]
add.delay(1, 2).get(timeout="soon")  # type: ignore[arg-type]
app.publish_many([1, 2])  # type: ignore[list-item]
