"""`celeriac shell`: what is at hand in it."""

import pytest

from celeriac import Celeriac, chord
from celeriac.entrypoints.cli.shell import namespace

from .conftest import CeleriacCommand


def test_the_app_its_tasks_and_the_words_of_workflows_are_at_hand(app: Celeriac):
    names = namespace(app)

    assert set(names) == {
        *("app", "celery", "Task", "chain", "chord", "chunks", "group", "signature", "subtask"),
        *("xmap", "xstarmap", "add", "fail"),
    }
    assert (names["app"], names["chord"], names["add"]) == (app, chord, app.tasks["shop.add"])


def test_tasks_can_be_left_out_and_never_hide_a_word_of_ours(app: Celeriac):
    app.task(name="shop.group")(len)

    assert "add" not in namespace(app, with_tasks=False)
    assert namespace(app)["group"] is not app.tasks["shop.group"]


def test_pythons_own_shell_runs_what_is_typed(
    celeriac: CeleriacCommand, monkeypatch: pytest.MonkeyPatch
):
    lines = iter(["print(app.main, add(2, 3))"])
    monkeypatch.setattr("builtins.input", lambda prompt="": next(lines, None) or _end())

    done = celeriac("shell", "--python")

    assert done.exit_code == 0, done.output
    assert "shop 5" in done.output


def _end() -> str:
    raise EOFError


def test_one_shell_is_enough(celeriac: CeleriacCommand):
    done = celeriac("shell", "--python", "--ipython")

    assert done.exit_code == 2
    assert "expected one of them" in done.output


def test_a_shell_that_is_not_installed_is_refused(
    celeriac: CeleriacCommand, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("celeriac.entrypoints.cli.shell._is_there", lambda module: module == "code")

    done = celeriac("shell", "--bpython")

    assert done.exit_code == 1
    assert "bpython is not installed; here are: python" in done.output
