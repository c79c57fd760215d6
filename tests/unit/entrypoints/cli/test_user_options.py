"""Options that an app adds to commands, and commands that packages add."""

import click
import pytest

from celeriac import Celeriac
from celeriac.signals import user_preload_options

from .conftest import CeleriacCommand
from .test_worker_options import unstarted  # noqa: F401 - a fixture


def test_an_option_of_the_app_is_taken_by_its_command(unstarted, app: Celeriac):  # noqa: F811
    app.user_options["worker"].add(click.Option(["--shout"], is_flag=True, default=False))

    worker, _ = unstarted("-c", "2", "--shout", "-P", "threads")
    quiet, _ = unstarted("-P", "threads")

    assert worker.options.user_options["shout"] is True
    assert quiet.options.user_options["shout"] is False


def test_an_option_for_all_commands_is_told_to_those_who_listen(
    celeriac: CeleriacCommand, app: Celeriac
):
    app.user_options["preload"].add(click.Option(["-Z", "--template"], default="main"))
    heard: list[object] = []

    def hear(options, **kwargs):
        heard.append((kwargs["app"] is app, options))

    user_preload_options.connect(hear, weak=False)
    try:
        done = celeriac("report", "-Z", "shop")
    finally:
        user_preload_options.disconnect(hear)

    assert done.exit_code == 0, done.output
    assert heard == [(True, {"template": "shop"})]


def test_what_nobody_knows_is_still_refused(celeriac: CeleriacCommand):
    done = celeriac("report", "--shout")

    assert done.exit_code == 2
    assert "No such option" in done.output


def test_options_that_are_none_of_clicks_are_refused(celeriac: CeleriacCommand, app: Celeriac):
    app.user_options["report"].add("--shout")

    done = celeriac("report", "--shout")

    assert "expected options of click's" in done.output


@pytest.fixture
def foreign(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Install a package with commands."""
    info = tmp_path / "shopping-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shopping\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[celeriac.commands]\nbuy = shopping:buy\nbreak = shopping_that_is_not_there:command\n"
    )
    (tmp_path / "shopping.py").write_text(
        "import click\n"
        "@click.command()\n"
        "@click.argument('what')\n"
        "@click.pass_context\n"
        "def buy(ctx, what):\n"
        "    click.echo(f'{ctx.obj.app.main} buys {what}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("celeriac.entrypoints.cli.foreign.install_as_celery", lambda: None)


def test_a_command_of_another_package_is_found(foreign, celeriac: CeleriacCommand):
    assert celeriac("buy", "bread").output == "shop buys bread\n"
    assert "Of shopping:buy." in celeriac("--help").output


def test_a_command_that_cannot_be_imported_says_whose_it_is(foreign, celeriac: CeleriacCommand):
    done = celeriac("break")

    assert done.exit_code == 1
    assert "command 'break' of shopping cannot be imported" in done.output
