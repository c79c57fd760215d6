"""RabbitMQ for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from .processes import Den, answers, find_binary, free_port
from .server import Place, Running, Server, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SCRIPTS = ("/usr/lib/rabbitmq/bin",)  # Debian's scripts in /usr/sbin insist on Debian's own node
AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"


class RabbitMQ(Server):
    """Its places are virtual hosts, where its node lets us make some."""

    name = "rabbitmq"
    packages = ("rabbitmq-server",)
    compose_port = 5672

    def __init__(self) -> None:
        self._control: dict[str, Callable[[Sequence[str]], None]] = {}

    def check(self, url: str) -> None:
        """Offer it the protocol; its first frame names the product."""
        host, port = _address(url)
        answers(host, port, AMQP_0_9_1, b"RabbitMQ")

    def local_urls(self) -> Sequence[str]:
        """The usual port, as the user it lets in from this machine only."""
        return ["amqp://guest:guest@127.0.0.1:5672"]

    def start(self) -> Running:
        """Start a node under a name of its own, which leaves one that runs alone."""
        binary = find_binary("rabbitmq-server", folders=SCRIPTS)
        control = find_binary("rabbitmqctl", folders=SCRIPTS)
        den, port = Den.dig("rabbitmq", "rabbitmq"), free_port()
        plugins = _written(den.folder / "plugins", "[].\n")
        config = _written(den.folder / "rabbitmq.conf", f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        env = {
            "RABBITMQ_NODENAME": f"celeriac-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(free_port()),  # a port mapper of its own, which ends with it
            "RABBITMQ_MNESIA_BASE": str(den.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(den.folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            # Whatever the machine's own node is told is not for this one.
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(den.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }
        url = f"amqp://guest:guest@127.0.0.1:{port}"
        try:
            started = den.start([binary], env)
        except Unavailable:
            den.fill()
            raise
        self._control[url] = lambda words: den.run([control, "-q", *words], env)

        def stop() -> None:
            started.stop()
            _end_port_mapper(env)

        return Running(url, "private", stop, started.check)

    def compose_url(self, host: str, port: int) -> str:
        """The compose file keeps RabbitMQ's own first user."""
        return f"amqp://guest:guest@{host}:{port}"

    def make_place(self, url: str, name: str) -> Place:
        """Make a virtual host if the node obeys us; else hand out the common one.

        On the common one tests are kept apart by the random names of their queues alone.
        """
        control = self._control.get(url, _control_local)
        try:
            control(["add_vhost", name])
            control(["set_permissions", "-p", name, "guest", ".*", ".*", ".*"])
        except Unavailable:
            return Place(f"{url}//", remove=lambda: None)
        return Place(f"{url}/{quote(name)}", remove=lambda: control(["delete_vhost", name]))


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o644)
    return path


def _end_port_mapper(env: Mapping[str, str]) -> None:
    # It is a daemon that whoever starts the first node leaves behind.
    epmd = find_binary("epmd", folders=[str(f) for f in Path("/usr/lib/erlang").glob("erts-*/bin")])
    subprocess.run(
        [epmd, "-kill"], env=os.environ | env, capture_output=True, timeout=20, check=False
    )


def _control_local(words: Sequence[str]) -> None:
    script = shutil.which("rabbitmqctl", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if script is None or os.geteuid() != 0:
        raise Unavailable("only root may administer the local node")
    done = subprocess.run([script, "-q", *words], capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.decode(errors="replace").strip())


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 5672
