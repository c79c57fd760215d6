"""The program itself: help, version, and what it says to wrong words."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from celeriac import Celeriac, __version__
from celeriac.entrypoints.cli import _with_command, program
from celeriac.entrypoints.cli.session import Session

from .conftest import CeleriacCommand

COMMANDS = ("beat", "call", "purge", "report", "result", "status", "worker")


def test_without_a_command_it_prints_its_help(celeriac: CeleriacCommand):
    done = celeriac()

    assert done.exit_code == 0
    assert done.output.startswith("Usage: celeriac [OPTIONS] [COMMAND]")
    assert [name for name in COMMANDS if f"\n  {name} " not in done.output] == []


def test_it_says_its_version(celeriac: CeleriacCommand):
    done = celeriac("--version")

    assert (done.exit_code, done.output.split()[0]) == (0, __version__)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(celeriac: CeleriacCommand, name: str):
    done = celeriac(name, "--help")

    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: celeriac {name} ")


def test_an_unknown_command_is_refused_with_the_nearest_one(celeriac: CeleriacCommand):
    done = celeriac("wroker")

    assert done.exit_code == 2
    assert "no such command 'wroker'; did you mean worker?" in done.output


@pytest.mark.parametrize("flag", ["-A", "--app", "-b", "--broker", "--workdir", "-q"])
def test_a_global_option_after_the_command_is_refused_with_a_hint(
    celeriac: CeleriacCommand, flag: str
):
    done = celeriac("worker", flag, "shop")

    assert done.exit_code == 2
    assert f"{flag} is an option of celeriac itself" in done.output
    assert f"celeriac {flag} … worker" in done.output


def test_an_unknown_setting_after_the_dashes_is_refused_with_the_nearest_one(
    celeriac: CeleriacCommand,
):
    done = celeriac("worker", "--", "prefetch_multiplyer=1")

    assert done.exit_code == 1
    assert "prefetch_multiplier" in done.output


def test_a_word_that_is_no_setting_is_refused(celeriac: CeleriacCommand):
    done = celeriac("worker", "fast")

    assert done.exit_code == 1
    assert "'fast' is no setting: write name=value" in done.output


def test_settings_given_on_the_command_line_win(celeriac: CeleriacCommand, app: Celeriac):
    app.conf.task_default_queue = "by-code"

    celeriac("purge", "-f", "--", "task_default_queue=by-word")

    assert app.conf.task_default_queue == "by-word"


def test_the_broker_of_an_app_can_be_given(celeriac: CeleriacCommand, app: Celeriac):
    celeriac("-b", "memory://elsewhere", "report")

    assert app.conf.broker_url == "memory://elsewhere"


def test_a_broker_is_refused_for_an_app_that_brings_a_ready_one(celeriac: CeleriacCommand):
    donor = Celeriac("donor", broker="memory://", backend="memory://", set_as_current=False)
    with Celeriac("ready", broker=donor.broker, set_as_current=False) as ready:
        done = celeriac("-b", "memory://elsewhere", "report", given=ready)

    assert done.exit_code == 2
    assert "the app brings a ready broker" in done.output


def test_options_are_read_from_variables(celeriac: CeleriacCommand, app: Celeriac):
    done = celeriac("report", env={"CELERY_BROKER": "memory://from-variable"})

    assert (done.exit_code, app.conf.broker_url) == (0, "memory://from-variable")


def test_a_folder_that_is_not_there_cannot_be_worked_in(tmp_path: Path):
    done = CliRunner().invoke(program, ["--workdir", str(tmp_path / "gone"), "report"])

    assert done.exit_code == 2
    assert "cannot work in" in done.output


def test_it_works_in_the_folder_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "deep_shop.py").write_text(
        "from celeriac import Celeriac\n"
        "app = Celeriac('deep', broker='memory://', backend='memory://', set_as_current=False)\n"
    )
    words = ["--workdir", str(tmp_path / "deep"), "-A", "deep_shop", "report"]

    done = CliRunner().invoke(program, words, obj=Session())

    assert done.exit_code == 0, done.output
    assert "app       deep" in done.output


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("-A shop -l INFO", "-A shop worker -l INFO"),
        ("-l INFO -A shop -c 2", "-A shop worker -l INFO -c 2"),
        ("-l INFO --app=shop -q", "--app=shop -q worker -l INFO"),
        ("-Ashop -c 2", "-Ashop worker -c 2"),
        ("-c 2 -- -A shop", "worker -c 2 -- -A shop"),
        ("--help", "worker --help"),
    ],
)
def test_the_workers_own_script_takes_its_options_in_any_order(given: str, understood: str):
    assert _with_command("worker", given.split()) == understood.split()
