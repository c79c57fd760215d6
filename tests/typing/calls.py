"""Calls are typed by the task's own function.

A line with `type: ignore` is one that must be refused: an ignore that is not needed is an error.
"""

from typing import Any, assert_type

from celeriac import Celeriac, Signature, Task
from celeriac.result import AsyncResult

app = Celeriac("shop", broker="memory://", backend="memory://")


@app.task
def add(x: int, y: int = 0) -> int:
    """Add two numbers."""
    return x + y


@app.task(name="shop.greet", max_retries=5, queue="mail")
def greet(name: str, *, polite: bool = True) -> str:
    """Greet somebody."""
    return f"hello {name}"


@app.task(bind=True, max_retries=3)
def fetch(self: Task[..., Any], url: str) -> bytes:
    """Fetch a page."""
    assert_type(self.request.retries, int)
    return url.encode()


@app.task()
def nothing() -> None:
    """Do nothing."""


# What is declared.
assert_type(add(1, 2), int)
assert_type(greet("you"), str)
assert_type(fetch("https://example.org"), bytes)
assert_type(add.name, str)
assert_type(add.s(1), Signature)

# What is right.
assert_type(add.delay(1, 2), AsyncResult[int])
assert_type(add.delay(1, y=2), AsyncResult[int])
assert_type(add.delay(1), AsyncResult[int])
assert_type(greet.delay("you", polite=False), AsyncResult[str])
assert_type(fetch.delay("https://example.org"), AsyncResult[bytes])
assert_type(nothing.delay(), AsyncResult[None])
assert_type(add.apply_async((1, 2), countdown=5, priority=3), AsyncResult[int])
assert_type(app.send_task("far.away", (1,)), AsyncResult[Any])

# What is wrong: a type, too many, too few, an unknown name, a keyword given by position.
add.delay("1", 2)  # type: ignore[arg-type]
add.delay(1, 2, 3)  # type: ignore[call-arg]
add.delay()  # type: ignore[call-arg]
add.delay(1, z=2)  # type: ignore[call-arg]
greet.delay("you", False)  # type: ignore[call-arg]
fetch.delay(b"bytes")  # type: ignore[arg-type]
nothing.delay(1)  # type: ignore[call-arg]
add("1")  # type: ignore[arg-type]
add.apply_async(5)  # type: ignore[arg-type]
