"""Compressed calls."""

import pytest

from celeriac.domain.errors import SerializerNotInstalled
from celeriac.entrypoints.testing import work_off

LONG = "celeriac " * 500


@pytest.mark.parametrize(
    ("asked", "header"),
    [
        ("zlib", "application/x-gzip"),
        ("gzip", "application/x-gzip"),
        ("bzip2", "application/x-bz2"),
        ("xz", "application/x-lzma"),
    ],
)
def test_a_compressed_call_is_smaller_and_arrives_whole(shop, asked, header):
    echo = shop.app.task(name="echo")(lambda text: text)

    result = echo.apply_async((LONG,), compression=asked)

    (message,) = shop.app.broker.peek("celery", 1)
    assert message.headers["compression"] == header
    assert len(message.body) < len(LONG) / 10
    work_off(shop.app)
    assert result.get(timeout=0) == LONG


def test_the_setting_and_the_task_may_ask_for_it_too(shop_with):
    app = shop_with(task_compression="zlib").app
    echo = app.task(name="echo")(lambda text: text)
    small = app.task(name="small", compression="bzip2")(lambda text: text)

    echo.delay(LONG)
    small.delay(LONG)

    sent = app.broker.peek("celery", 2)
    assert [message.headers["compression"] for message in sent] == [
        "application/x-gzip",
        "application/x-bz2",
    ]


def test_a_retry_is_compressed_as_the_first_attempt_was(shop):
    def again(self, text):
        if self.request.retries < 1:
            self.retry(countdown=0)
        return text

    task = shop.app.task(name="again", bind=True)(again)

    result = task.apply_async((LONG,), compression="zlib")
    work_off(shop.app)

    assert result.get(timeout=0) == LONG


def test_an_unknown_compression_is_refused_at_the_call(shop):
    echo = shop.app.task(name="echo")(lambda text: text)

    with pytest.raises(SerializerNotInstalled, match="no compression is called 'brotly'"):
        echo.apply_async(("a",), compression="brotly")
