"""A folder with an app in it and a queue of its own, for workers and clients of both kinds."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from celeriac import Celeriac
from celeriac.domain.messaging.queues import Exchange, Queue
from tests.integration.cli import running

HERE = Path(__file__).parent


class AmqpPlace(running.Place):
    """Processes on one queue of RabbitMQ, with results in Redis."""

    def __init__(self, folder, broker, results, **conf):
        self.folder = folder
        shutil.copy(HERE / "shop_app.py", folder / "shop.py")
        shutil.copy(HERE / "celery_client.py", folder / "client.py")
        self.queue = f"q{secrets.token_hex(4)}"
        self.conf = {
            "broker_url": broker,
            "result_backend": results,
            "task_default_queue": self.queue,
            "broker_connection_retry_on_startup": True,
            **conf,
        }
        self.app = Celeriac("shop", set_as_current=False)
        self.app.conf.update({k: v for k, v in self.conf.items() if k != "topic"})
        if self.conf.get("topic"):
            self.conf["topic"] = self.queue
            exchange = Exchange(f"{self.queue}.x", "topic")
            arguments = {"x-queue-type": "quorum"}
            self.app.conf.task_queues = [
                Queue(self.queue, exchange, "shop.key", arguments=arguments)
            ]
            self.app.conf.task_default_exchange = exchange.name
            self.app.conf.task_default_exchange_type = "topic"
            self.app.conf.task_default_routing_key = "shop.key"
        self._programs = []

    def worker(self, *words, kind="celeriac", conf=None):
        name = f"{kind}-{secrets.token_hex(3)}@host"
        program = self.start(
            *("-A", "shop", "worker", "-l", "INFO", "-n", name, *words),
            environ=self.environ(kind, conf),
            kind=kind,
        )
        program.until_it_says(" ready.", 40)
        return program

    def start(self, *words, environ=None, kind="celeriac"):
        output = self.folder / f"output-{len(self._programs)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", kind, *words],
                cwd=self.folder,
                env=self._environ(environ),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program = running.Program(process, output)
        self._programs.append(program)
        return program

    def environ(self, kind, conf=None):
        return {"SHOP_KIND": kind, "SHOP_CONF": json.dumps({**self.conf, **(conf or {})})}

    def ask_by_celery(self):
        """Have Celery's client send and wait; return what it got."""
        done = subprocess.run(
            [sys.executable, "client.py"],
            cwd=self.folder,
            env=self._environ(self.environ("celery")),
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self}"
        return json.loads(done.stdout)

    def _environ(self, more):
        clean = super()._environ(more)
        return {**clean, "PYTHONPATH": os.pathsep.join([str(self.folder), clean["PYTHONPATH"]])}
