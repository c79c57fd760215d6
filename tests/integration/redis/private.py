"""Redis processes of a test's own: one server, Sentinels over a primary and its replica, a Cluster.

Each runs on free ports in folders of its own, and is gone when its block ends.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis

from tests.servers.processes import free_port

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis_server = pytest.mark.skipif(BINARY is None, reason="there is no redis-server to start")
#: Options with which a server keeps all it was told, whatever happens to it.
KEEPING = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
#: Seconds that a server may take to answer on a busy machine.
PATIENCE = 45.0
_REPLICATION = "return redis.call('INFO', 'replication')"


class Server:
    """One redis-server that can be stopped, killed, started again and held."""

    def __init__(self, folder, port, *options):
        self.folder, self.port, self.options = Path(folder) / str(port), port, options
        self.folder.mkdir()
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = [BINARY, *self.options, "--port", str(self.port)]
        command += ["--dir", str(self.folder), "--bind", "127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        return self

    def answering(self):
        """Wait until it answers anything at all."""
        eventually(lambda: self.says("PING") is not None, f"{self.url} does not answer")
        return self

    def says(self, *words):
        """Return the answer to a command, its error as text, or None while it is away."""
        with redis.Redis(port=self.port, socket_timeout=2, decode_responses=True) as client:
            try:
                return client.execute_command(*words)
            except (redis.exceptions.ResponseError, redis.exceptions.AuthenticationError) as error:
                return str(error)
            except (redis.exceptions.RedisError, OSError):
                return None

    def raw(self, text):
        """Return what is answered to an inline command within the first kilobytes."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(f"{text}\r\n".encode())
                return connection.recv(65536).decode(errors="replace")
        except OSError:
            return ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def hold(self):
        """Make it silent, as a stalled network would."""
        self.process.send_signal(signal.SIGSTOP)

    def let_go(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process is not None:
            self.kill()


@contextmanager
def server(*options, port=None):
    """Run one server that answers."""
    with den() as folder:
        one = Server(folder, port or free_port(), *options)
        try:
            yield one.start().answering()
        finally:
            one.close()


@contextmanager
def watched_by_sentinels(*options, quorum=2, down_after=1000):
    """Run a primary with a replica and three Sentinels; yield them in this order."""
    with den() as folder, ExitStack() as ends:
        quick = "--save", "", "--repl-diskless-sync-delay", "0"
        primary = Server(folder, free_port(), *options, *quick)
        follow = "--replicaof", "127.0.0.1", str(primary.port)
        replica = Server(folder, free_port(), *options, *quick, *follow)
        sentinels = [_sentinel(folder, primary.port, quorum, down_after) for _ in range(3)]
        for one in (primary, replica, *sentinels):
            ends.callback(one.close)
        primary.start()
        replica.start()
        # Sentinels look for replicas every ten seconds only.
        eventually(
            lambda: "state=online" in str(primary.says("EVAL", _REPLICATION, 0)),
            "the replica does not follow",
        )
        for one in sentinels:
            one.start()
        eventually(
            lambda: all(_sees_all(one) for one in sentinels), "the Sentinels do not see each other"
        )
        yield primary, replica, sentinels


@contextmanager
def cluster(nodes=3, options=("--save", "")):
    """Run a Cluster of primaries; yield its nodes."""
    with den() as folder, ExitStack() as ends:
        servers = []
        for _ in range(nodes):
            clustered = f"--cluster-enabled yes --cluster-port {free_port()}".split()
            timeout = "--cluster-node-timeout", "2000"
            one = Server(folder, free_port(), *clustered, *timeout, *options)
            ends.callback(one.close)
            servers.append(one.start())
        for one in servers:
            one.answering()
        slots, first = 16384, servers[0]
        for k, one in enumerate(servers):
            begin, end = slots * k // nodes, slots * (k + 1) // nodes - 1
            one.says("CLUSTER", "ADDSLOTSRANGE", begin, end)
            bus = int(one.options[3])
            first.says("CLUSTER", "MEET", "127.0.0.1", one.port, bus)
        eventually(
            lambda: all(_is_whole(one, nodes) for one in servers), "the Cluster does not form"
        )
        yield servers


@contextmanager
def den():
    """Make a folder near the root: a path of a socket has little room."""
    folder = Path(tempfile.mkdtemp(prefix="celeriac-redis-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def eventually(true, otherwise, seconds=PATIENCE):
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, otherwise
        sleep(0.05)


def _sentinel(folder, primary, quorum, down_after):
    port = free_port()
    settings = folder / f"sentinel-{port}.conf"
    settings.write_text(
        f"sentinel monitor mymaster 127.0.0.1 {primary} {quorum}\n"
        f"sentinel down-after-milliseconds mymaster {down_after}\n"
        "sentinel failover-timeout mymaster 5000\n"
    )
    return Server(folder, port, str(settings), "--sentinel")


def _sees_all(sentinel):
    said = sentinel.says("SENTINEL", "MASTER", "mymaster")
    if not isinstance(said, dict):
        return False
    return [int(said[f"num-{what}"]) for what in ("slaves", "other-sentinels")] == [1, 2]


def _is_whole(node, nodes):
    said = str(node.says("CLUSTER", "INFO"))
    return "cluster_state:ok" in said and f"cluster_known_nodes:{nodes}\r" in said
