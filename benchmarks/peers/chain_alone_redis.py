"""A chain with no framework at all: `python -m benchmarks.peers.chain_alone_redis`, on BENCH_REDIS.

What a chain of 100 costs anyway where one process keeps the connections and another runs the tasks,
and each link's result is kept, and the next link stored, before that begins. Bodies and envelopes
are Celery's, written and read by the standard library; the script does the least that keeps every
link somewhere at any time. There are no threads, no leases, no limits, no events, no errors. No
worker of that kind can be faster in Python.
"""

import json
import marshal
import os
import socket
import statistics
import struct
import sys
import time
from base64 import b64decode, b64encode
from typing import Any

import redis

LINKS, RUNS = 100, 7

#: Keys: the record, the queue, what is claimed, who claimed it, the count of claims. Arguments: the
#: record, the number of the claim that ends, the next link. Returns the next claim.
STEP = """
redis.call('SETEX', KEYS[1], 86400, ARGV[1])
redis.call('PUBLISH', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
if ARGV[3] == '' then return {0, ''} end
redis.call('LPUSH', KEYS[2], ARGV[3])
local raw, number = redis.call('RPOP', KEYS[2]), redis.call('INCR', KEYS[5])
redis.call('HSET', KEYS[3], number, raw)
redis.call('HSET', KEYS[4], number, 1)
return {number, raw}
"""
_ID = "00000000-0000-4000-8000-%012d"
HEADERS = {
    "lang": "py",
    "task": "bench.inc",
    "id": _ID % 0,
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "root_id": _ID % 0,
    "timelimit": [None, None],
    "parent_id": _ID % 0,
    "argsrepr": "(0,)",
    "kwargsrepr": "{}",
    "origin": "gen1@host",
    "ignore_result": False,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}
PROPERTIES = {
    "correlation_id": _ID % 0,
    "reply_to": _ID % 1,
    "delivery_mode": 2,
    "priority": 0,
    "delivery_info": {"exchange": "", "routing_key": "bench"},
    "body_encoding": "base64",
}


def send(sock: socket.socket, value: Any) -> None:
    """Send a value in a frame."""
    data = marshal.dumps(value)
    sock.sendall(struct.pack("<I", len(data)) + data)


def receive(sock: socket.socket) -> Any:
    """Return the value of the next frame."""
    data = sock.recv(1 << 16)
    (size,) = struct.unpack_from("<I", data)
    while len(data) < size + 4:
        data += sock.recv(1 << 16)
    return marshal.loads(data[4:])  # noqa: S302 - the other end is this program


def be_child(sock: socket.socket) -> None:
    """Run links, and write the body of each next one, until told to end."""
    while (body := receive(sock)) is not None:
        args, _, embed = json.loads(body)
        value, following = args[0] + 1, b""
        if embed["chain"]:
            call = embed["chain"].pop()
            following = json.dumps([[value, *call["args"]], call["kwargs"], embed]).encode()
        send(sock, (value, following))


def links() -> list[dict[str, Any]]:
    """Return a chain's calls as a body holds them."""
    plain: dict[str, Any] = {"task": "bench.inc", "args": [], "kwargs": {}}
    end = {"subtask_type": None, "immutable": False}
    return [
        {**plain, "options": {"task_id": _ID % k, "reply_to": _ID % 1}, **end}
        for k in range(LINKS - 1)
    ]


def run(connection: Any, digest: str, child: socket.socket) -> float:
    """Return the seconds that a chain takes."""
    begun = time.perf_counter()
    embed = {"callbacks": None, "errbacks": None, "chain": links(), "chord": None}
    body, number = json.dumps([[0], {}, embed]).encode(), 0
    keys = ("celery-task-meta-" + _ID % 0, "bench", "claimed", "held", "count")
    while body:
        send(child, body)
        value, following = receive(child)
        record = json.dumps({"status": "SUCCESS", "result": value, "task_id": _ID % 0}).encode()
        raw = b""
        if following:
            envelope = {
                "body": b64encode(following).decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": HEADERS,
                "properties": PROPERTIES,
            }
            raw = json.dumps(envelope).encode()
        connection.send_command("EVALSHA", digest, len(keys), *keys, record, number, raw)
        number, raw = connection.read_response()
        body = b64decode(json.loads(raw)["body"]) if raw else b""
    assert value == LINKS
    return time.perf_counter() - begun


def main() -> None:
    """Print the median of some runs."""
    here, there = socket.socketpair()
    if not os.fork():
        here.close()
        be_child(there)
        os._exit(0)
    client = redis.Redis.from_url(os.environ["BENCH_REDIS"])
    digest = client.script_load(STEP)
    connection = client.connection_pool.get_connection()
    took = statistics.median(run(connection, digest, here) for _ in range(RUNS))
    send(here, None)
    sys.stdout.write(json.dumps({"chain_100_ms": took * 1e3}))


if __name__ == "__main__":
    main()
