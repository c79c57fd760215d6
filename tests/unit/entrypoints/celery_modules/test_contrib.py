"""What stands below `celery.contrib`, `celery.app.routes` and `celery.utils.saferepr`."""

import re
import socket
import sys
import threading
import types

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured, QueueNotFound
from celeriac.entrypoints.celery_modules import (
    app_routes,
    contrib_rdb,
    contrib_testing_mocks,
    saferepr,
    security,
)
from celeriac.entrypoints.celery_modules.contrib_django_task import DjangoTask

PROJECT = '''
"""A shop."""
import celeriac; celeriac.install_as_celery()
from celery import Celery, shared_task

app = Celery("shop")

@app.task
def add(x: int, y: int = 2) -> int:
    """Add two numbers."""

@app.task(bind=True)
def bound(self, order):
    """Look at an order."""
'''
CONF = """
import sys; sys.path.insert(0, ".")
import celeriac; celeriac.install_as_celery()
extensions = ["sphinx.ext.autodoc", "celery.contrib.sphinx"]
"""
INDEX = """
Shop
====

.. automodule:: shop
   :members:
"""


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


def test_documentation_shows_tasks_as_the_functions_they_are(tmp_path):
    import subprocess

    for name, text in (("shop.py", PROJECT), ("conf.py", CONF), ("index.rst", INDEX)):
        (tmp_path / name).write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "text", ".", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    shown = (tmp_path / "out" / "index.txt").read_text()
    assert "(task) shop.add(x: int, y: int = 2) -> int" in shown
    assert "(task) shop.bound(order)" in shown
    assert "Add two numbers." in shown


def test_a_django_task_is_sent_when_the_transaction_is_committed(app, monkeypatch):
    waiting = []
    transaction = types.ModuleType("django.db.transaction")
    transaction.on_commit = lambda send, using=None: waiting.append((send, using))
    for name in ("django", "django.db", "django.db.transaction"):
        module = transaction if name.endswith("transaction") else types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)

    @app.task(base=DjangoTask)
    def add(x, y):
        return x + y

    assert add.delay_on_commit(1, 2) is None
    add.apply_async_on_commit((3, 4), using="other", countdown=5)

    assert app.broker.depth(["celery"]) == {"celery": 0}
    assert [using for _, using in waiting] == [None, "other"]
    for send, _ in waiting:
        send()
    assert app.broker.depth(["celery"]) == {"celery": 2}


def test_a_debugger_is_reached_over_the_network():
    said: list[str] = []

    class Out:
        def write(self, text):
            said.append(text)
            waits.set()

    waits, values = threading.Event(), []

    def work():
        secret = 42
        contrib_rdb.Rdb(port=0, out=Out()).set_trace(sys._getframe())
        values.append(secret)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert waits.wait(20)
    port = int(re.search(r"telnet 127.0.0.1 (\d+)", said[0]).group(1))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        talk = connection.makefile("rw")
        talk.write("p secret + 1\nc\n")
        talk.flush()
        answers = talk.read()
    thread.join(20)

    assert "43" in answers
    assert values == [42]


def test_a_debugger_without_a_free_port_says_which_it_tried():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"no free port in the 1 from {port} on"):
            contrib_rdb.Rdb(port=port, port_search_limit=1)


def test_a_message_for_a_test_is_the_one_that_would_be_sent(app):
    add = app.task(name="add")(lambda x, y: None)

    message = contrib_testing_mocks.task_message_from_sig(app, add.s(2, 3).on_error(add.s(1)))

    assert message.headers["task"] == "add"
    assert list(message.payload[0]) == [2, 3]
    assert message.payload[2]["errbacks"][0]["task"] == "add"
    assert message.decode() == message.payload


def test_a_router_merges_what_the_call_says_over_what_rules_say(app):
    app.conf.task_queues = ["celery", "video"]
    rules = [{"shop.video.*": {"queue": "video", "priority": 3}}, lambda *args, **kw: None]
    router = app_routes.Router(rules, app.amqp.queues, create_missing=False, app=app)

    found = router.route({"priority": 7}, "shop.video.encode")
    assert (found["queue"].name, found["priority"]) == ("video", 7)
    assert router.route({}, "shop.add")["queue"].name == "celery"
    assert router.route({"queue": "video"}, "shop.add")["queue"].name == "video"
    with pytest.raises(QueueNotFound, match="nowhere"):
        router.route({"queue": "nowhere"}, "shop.add")


def test_a_repr_is_cut_where_it_is_asked_for():
    assert saferepr.saferepr({"a": [1, 2]}) == "{'a': [1, 2]}"
    assert len(saferepr.saferepr("x" * 500, maxlen=100)) == 100


def test_security_is_set_up_for_the_app_that_is_meant(app):
    with pytest.raises(ImproperlyConfigured, match="task_serializer"):
        security.setup_security(app=app)
