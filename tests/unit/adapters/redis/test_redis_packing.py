"""Commands are written as redis-py writes them."""

from typing import Any

import pytest
from redis.connection import PythonRespSerializer
from redis.exceptions import DataError

from celeriac.adapters.redis.packing import Packer

NEVER_CUT = 1 << 30


def by_redis_py(*arguments: Any) -> bytes:
    from redis._parsers import Encoder

    encode = Encoder("utf-8", "strict", decode_responses=False).encode
    return b"".join(PythonRespSerializer(NEVER_CUT, encode).pack(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("PING",),
        ("CONFIG GET", "maxmemory-policy"),
        (b"LPUSH", "schlange-ü", b"\x00\r\n", "", 7, -1, 0.5, 10**20),
        ("SET", bytearray(b"key"), memoryview(b"value")),
        ("LPUSH", "queue", *(b"%d" % n * n for n in range(300))),
    ],
)
def test_a_command_is_written_as_redis_py_writes_it(arguments: tuple[Any, ...]) -> None:
    assert b"".join(Packer().pack(*arguments)) == by_redis_py(*arguments)


@pytest.mark.parametrize("value", [None, True, [], {"a": 1}])
def test_what_is_no_argument_is_refused_as_redis_py_refuses_it(value: Any) -> None:
    with pytest.raises(DataError, match="no argument of a command"):
        Packer().pack("SET", "key", value)
