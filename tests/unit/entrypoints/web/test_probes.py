"""What a worker within this process answers to those who probe it."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory.broker import MemoryBroker
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured
from celeriac.entrypoints.choices import host_clock
from celeriac.entrypoints.testing.embedded_worker import running_worker
from celeriac.entrypoints.web import self_check
from celeriac.entrypoints.web.run_folder import socket_path
from celeriac.entrypoints.worker import AppWorker
from tests.integration.cli.running import eventually


@pytest.fixture
def app() -> Iterator[Celeriac]:
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as made:
        made.task(name="shop.double")(double)
        yield made


def double(x: int) -> int:
    return x + x


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setenv("CELERIAC_RUN_DIR", str(folder))
    return folder


def asked(worker: AppWorker, path: str, method: str = "GET") -> tuple[int, str]:
    assert worker.watch is not None
    assert worker.watch.probes is not None
    connection = http.client.HTTPConnection("127.0.0.1", worker.watch.probes.port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until_ready(ask: Callable[[], tuple[int, str]]) -> None:
    eventually(lambda: ask()[0] == 200, lambda: str(ask()))


def test_a_worker_is_alive_ready_and_counts_what_it_did(app: Celeriac):
    with running_worker(app, health_port="127.0.0.1:0", concurrency=3) as worker:
        until_ready(lambda: asked(worker, "/readyz"))
        assert app.tasks["shop.double"].delay(4).get(timeout=10) == 8

        assert asked(worker, "/livez?verbose") == (200, "ok\n")
        assert asked(worker, "/readyz") == (200, "ok\n")
        eventually(lambda: 'state="SUCCESS"} 1' in asked(worker, "/metrics")[1], lambda: "none")
        _, text = asked(worker, "/metrics")
        assert "celeriac_worker_slots 3\n" in text
        assert 'celeriac_worker_tasks_received_total{task="shop.double"} 1\n' in text


def test_what_waits_in_its_queues_is_told_with_for_how_long_at_least(app: Celeriac):
    app.broker.pause("celery")
    app.tasks["shop.double"].delay(4)

    with running_worker(app, health_port="127.0.0.1:0") as worker:
        eventually(
            lambda: 'celeriac_queue_messages{queue="celery"} 1\n' in asked(worker, "/metrics")[1],
            lambda: asked(worker, "/metrics")[1],
        )
        _, text = asked(worker, "/metrics")

    (line,) = [line for line in text.splitlines() if line.startswith("celeriac_queue_head_wait")]
    assert float(line.rpartition(" ")[2]) > 0.0


def test_how_long_tasks_ran_waited_and_were_late_is_told(app: Celeriac):
    with running_worker(app, health_port="127.0.0.1:0") as worker:
        app.tasks["shop.double"].delay(4).get(timeout=10)
        app.tasks["shop.double"].apply_async((4,), countdown=0).get(timeout=10)
        eventually(
            lambda: 'run_seconds_count{task="shop.double"} 2\n' in asked(worker, "/metrics")[1],
            lambda: asked(worker, "/metrics")[1],
        )
        _, text = asked(worker, "/metrics")

    assert 'celeriac_worker_task_wait_seconds_bucket{queue="celery",le="+Inf"} 2\n' in text
    assert 'celeriac_worker_task_delay_seconds_count{queue="celery"} 1\n' in text


def test_nothing_is_measured_where_nobody_may_ask(app: Celeriac):
    with running_worker(app) as worker:
        assert worker.worker.chronicle.times is None


def test_what_is_not_there_is_answered_with_what_is(app: Celeriac):
    with running_worker(app, health_port="127.0.0.1:0") as worker:
        assert asked(worker, "/") == (404, "no such page; known: /livez, /readyz, /metrics\n")
        assert asked(worker, "/livez", "HEAD") == (200, "")


class MovedAway(MemoryBroker):
    """A broker that can be away."""

    away = False

    def claim(self, queues, limit, wait, begin=0):
        if self.away:
            raise BrokerUnavailable("it has moved away")
        return super().claim(queues, limit, min(wait, 0.05), begin)


def test_a_worker_whose_broker_is_away_says_so_lives_and_comes_back():
    broker = MovedAway(clock=host_clock())
    app = Celeriac("shop", broker=broker, set_as_current=False)
    with app, running_worker(app, health_port="127.0.0.1:0") as worker:
        until_ready(lambda: asked(worker, "/readyz"))

        broker.away = True

        eventually(
            lambda: asked(worker, "/readyz") == (503, "the broker is away\n"),
            lambda: str(asked(worker, "/readyz")),
        )
        assert asked(worker, "/livez") == (200, "ok\n")
        assert "celeriac_worker_ready 0\n" in asked(worker, "/metrics")[1]
        broker.away = False
        until_ready(lambda: asked(worker, "/readyz"))


def test_an_address_that_is_taken_ends_the_start_with_a_reason(app: Celeriac):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with (
            pytest.raises(ImproperlyConfigured, match=f"worker_health_port='{address}'.*in use"),
            running_worker(app, health_port=address),
        ):
            pass


@pytest.mark.parametrize("bad", ["shop", "70000", "-1", "host:", True])
def test_an_address_that_is_none_is_refused(app: Celeriac, bad: object):
    with pytest.raises(ImproperlyConfigured, match=r"worker_health_port=.*a port, or host:port"):
        app.conf["worker_health_port"] = bad


def test_a_worker_tells_of_itself_at_its_socket(
    app: Celeriac, run_folder: Path, capsys: pytest.CaptureFixture[str]
):
    with running_worker(app, self_report=True, hostname="w@here"):
        eventually(
            lambda: self_check.main(["status", "--self"]) == 0, lambda: capsys.readouterr().out
        )
        capsys.readouterr()

        assert self_check.main(["status", "--self", "-d", "w@here", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["node"] == "w@here"
        assert told["slots"] == 2
        assert told["not_ready"] == []
    assert list(run_folder.iterdir()) == []


def test_a_socket_left_behind_by_a_killed_worker_counts_as_nobody_and_is_taken_over(
    app: Celeriac, run_folder: Path, capsys: pytest.CaptureFixture[str]
):
    run_folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(socket_path("w@here"))

    assert self_check.main(["status", "--self"]) == 69
    assert "no worker answers" in capsys.readouterr().err
    with running_worker(app, self_report=True, hostname="w@here"):
        eventually(
            lambda: self_check.main(["status", "--self"]) == 0, lambda: capsys.readouterr().out
        )


def test_a_folder_that_others_may_write_to_is_not_used(
    app: Celeriac, run_folder: Path, caplog: pytest.LogCaptureFixture
):
    run_folder.mkdir()
    run_folder.chmod(0o777)

    with running_worker(app, self_report=True):
        assert "others may write to it" in caplog.text
    assert list(run_folder.iterdir()) == []


def test_a_node_with_a_long_name_answers_too(run_folder: Path):
    assert len(socket_path("x" * 300)) - len(str(run_folder)) < 30
    assert socket_path("a/b") != socket_path("a_b")
