"""RabbitMQ over TLS: a door in front of it that speaks nothing else."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from urllib.parse import urlsplit

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import BrokerUnavailable

pytestmark = pytest.mark.needs_server("rabbitmq")


@pytest.fixture
def certificate(tmp_path):
    """A certificate for this machine, signed by itself, and its key."""
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext {names}"
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    try:
        subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return tmp_path / "cert.pem", tmp_path / "key.pem"


@pytest.fixture
def door(certificate, rabbitmq_url):
    """A port that speaks TLS, and passes on what it hears."""
    inside = urlsplit(rabbitmq_url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(plain):
        try:
            with (
                context.wrap_socket(plain, server_side=True) as outer,
                socket.create_connection((inside.hostname, inside.port)) as inner,
            ):
                pass_on(outer, inner, over)
        except OSError:
            plain.close()

    def serve():
        while not over.is_set():
            if select.select([listening], [], [], 0.1)[0]:
                thread = threading.Thread(target=answer, args=(listening.accept()[0],))
                threads.append(thread)
                thread.start()

    threads = [threading.Thread(target=serve)]
    threads[0].start()
    yield listening.getsockname()[1]
    over.set()
    for thread in threads:
        thread.join(timeout=10)
    listening.close()


def pass_on(outer, inner, over):
    while not over.is_set():
        ready = [outer] if outer.pending() else select.select([outer, inner], [], [], 0.1)[0]
        for one in ready:
            heard = one.recv(65536)
            if not heard:
                return
            (inner if one is outer else outer).sendall(heard)


def app_on(door, rabbitmq_url, **tls):
    vhost = rabbitmq_url.rpartition("/")[2]
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(
        broker_url=f"amqps://guest:guest@localhost:{door}/{vhost}",
        broker_use_ssl=tls,
        task_publish_retry=False,
        task_default_queue="over.tls",
    )
    return app


def test_messages_go_over_tls(door, certificate, rabbitmq_url):
    app = app_on(
        door,
        rabbitmq_url,
        ca_certs=str(certificate[0]),
        cert_reqs=ssl.CERT_REQUIRED,
        server_hostname="localhost",
    )
    try:
        broker = app.broker
        for number in range(30):
            app.send_task("shop.add", (number, "x" * 5000))
        broker.enlist("w@host", 10)
        found = []
        while len(found) < 30:
            batch = broker.claim(["over.tls"], 30, 5.0)
            assert batch
            found += batch

        assert len({delivery.message.id for delivery in found}) == 30
        broker.leave()
        broker.close()
    finally:
        app.close()


def test_a_certificate_nobody_vouches_for_is_refused(door, rabbitmq_url):
    app = app_on(door, rabbitmq_url, cert_reqs=ssl.CERT_REQUIRED, server_hostname="localhost")
    try:
        with pytest.raises(BrokerUnavailable, match=r"(?i)certificate"):
            app.send_task("shop.add", (2, 3))
    finally:
        app.close()
