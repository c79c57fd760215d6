"""What `celeriac worker` and `celeriac beat` take, and what they make of it."""

import pytest
from click.testing import CliRunner

from celeriac import Celeriac
from celeriac.entrypoints.cli import program
from celeriac.entrypoints.cli.beat import command as beat
from celeriac.entrypoints.cli.session import Session
from celeriac.entrypoints.cli.worker import command as worker

from .conftest import CeleriacCommand

DAEMON = "-f --logfile --pidfile --uid --gid --umask --executable".split()
CELERYS_WORKER_FLAGS = (
    "-n --hostname -D --detach -S --statedb -l --loglevel -O --optimization --prefetch-multiplier "
    "--disable-prefetch -c --concurrency -P --pool -E --task-events --events --time-limit "
    "--soft-time-limit --max-tasks-per-child --pool-start-method --max-memory-per-child --purge "
    "--discard -Q --queues -X --exclude-queues -I --include --without-gossip --without-mingle "
    "--without-heartbeat --heartbeat-interval --autoscale -B --beat -s --schedule-filename "
    "--schedule --scheduler"
).split()
CELERYS_BEAT_FLAGS = (
    "--detach -s --schedule -S --scheduler --max-interval --enable-remote-control "
    "--no-enable-remote-control -n --hostname -l --loglevel"
).split()
OURS = ["--log-format", "--grace-period", "--health-port"]


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (worker, {*CELERYS_WORKER_FLAGS, *DAEMON, *OURS}),
        (beat, {*CELERYS_BEAT_FLAGS, *DAEMON, "--log-format"}),
    ],
)
def test_they_take_all_that_celerys_take(command, wanted: set[str]):
    taken = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}

    assert taken == wanted


class Stopped(Exception):
    """Raised where the worker would start, in the test's hands."""


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch, app: Celeriac):
    """Run `celeriac worker` up to the point where its pool would be started."""
    made: list[object] = []

    def look(self, *_):
        made.append(self)
        raise Stopped

    monkeypatch.setattr("celeriac.entrypoints.worker.AppWorker.start", look)
    monkeypatch.setattr("celeriac.entrypoints.cli.process_signals.Signals.take", lambda self: None)
    monkeypatch.setattr("celeriac.entrypoints.logs.Logs.set_up", lambda self: None)

    def run(*words: str, **environ: str):
        done = CliRunner().invoke(
            program,
            ["worker", *words],
            obj=Session(given=app),
            auto_envvar_prefix="CELERY",
            env=environ,
        )
        assert isinstance(done.exception, Stopped), done.output
        return made[-1], done.output

    return run


@pytest.mark.parametrize(
    ("words", "setting", "value"),
    [
        ("-c 7", "worker_concurrency", 7),
        ("-c auto", "worker_concurrency", "auto"),
        ("-P threads", "worker_pool", "threads"),
        ("--max-tasks-per-child 3", "worker_max_tasks_per_child", 3),
        ("--max-memory-per-child 9000", "worker_max_memory_per_child", 9000),
        ("--prefetch-multiplier 2", "worker_prefetch_multiplier", 2),
        ("--disable-prefetch", "worker_disable_prefetch", True),
        ("--time-limit 9", "task_time_limit", 9.0),
        ("--soft-time-limit 8.5", "task_soft_time_limit", 8.5),
        ("--grace-period 1.5", "worker_grace_period", 1.5),
        ("-- prefetch_multiplier=9", "worker_prefetch_multiplier", 9),
        ("-- task_max_crashes=9", "task_max_crashes", 9),
    ],
)
def test_an_option_is_a_setting(unstarted, app: Celeriac, words: str, setting: str, value):
    unstarted(*words.split())

    assert app.conf[setting] == value


def test_options_are_read_from_variables(unstarted, app: Celeriac):
    worker, _ = unstarted(CELERY_WORKER_CONCURRENCY="3", CELERY_WORKER_QUEUES="one,two")

    assert (app.conf.worker_concurrency, worker.queues) == (3, ["one", "two"])


def test_queues_and_the_node_can_be_named(unstarted):
    worker, _ = unstarted("-Q", "one,two,three", "-X", "two", "-n", "w1@%%h")

    assert (worker.queues, worker.node) == (["one", "three"], "w1@%h")


def test_without_a_queue_left_it_does_not_start(celeriac: CeleriacCommand):
    done = celeriac("worker", "-Q", "one", "-X", "one")

    assert done.exit_code == 1
    assert "no queue is left to work on" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-c many", "worker_concurrency"),
        ("-l LOUD", "'LOUD' is not one of"),
        ("--pool-start-method telepathy", "'telepathy' is not one of"),
        ("--grace-period -1", "worker_grace_period"),
    ],
)
def test_a_wrong_value_is_refused_by_name(celeriac: CeleriacCommand, words: str, said: str):
    done = celeriac("worker", *words.split())

    assert done.exit_code in (1, 2)
    assert said in done.output


def test_options_without_effect_are_named_in_one_line_of_the_log(
    unstarted, caplog: pytest.LogCaptureFixture
):
    unstarted("-E", "-O", "fair", "--without-gossip")

    assert [record.getMessage() for record in caplog.records] == [
        "these options have no effect yet: --optimization"
    ]


def test_the_banner_says_what_the_worker_is_and_hides_passwords(unstarted, app: Celeriac):
    app.conf.broker_url = "memory://me:hush@host"

    _, said = unstarted("-c", "2", "-P", "threads", "-n", "w1@here")

    assert said.startswith("w1@here  celeriac ")
    assert "  broker    memory://me:********@host\n" in said
    assert "  pool      threads, 2 slots\n" in said
    assert "  queues    celery\n" in said
