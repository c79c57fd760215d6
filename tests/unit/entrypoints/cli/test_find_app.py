"""Where `-A` leads."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from celeriac.entrypoints.cli.find_app import AppNotFound, find_app

MakeModule = Callable[..., str]
_numbers = count()

MAKE = "from celeriac import Celeriac\n{} = Celeriac({!r}, set_as_current=False)\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModule:
    """Make a module, or a package with modules in it, and return its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(text: str = "", **below: str) -> str:
        name = f"found_{next(_numbers)}"
        if not below:
            (tmp_path / f"{name}.py").write_text(text)
            return name
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        for submodule, content in below.items():
            (tmp_path / name / f"{submodule}.py").write_text(content)
        return name

    return make


@pytest.mark.parametrize("attribute", ["app", "celery", "anything"])
def test_a_module_is_searched_for_its_app(module: MakeModule, attribute: str):
    name = module(MAKE.format(attribute, "shop"))

    assert find_app(name).main == "shop"


def test_app_comes_before_celery(module: MakeModule):
    name = module(MAKE.format("celery", "second") + MAKE.format("app", "first"))

    assert find_app(name).main == "first"


def test_a_package_may_keep_its_app_in_a_submodule_named_celery(module: MakeModule):
    name = module(celery=MAKE.format("anything", "below"))

    assert find_app(name).main == "below"


@pytest.mark.parametrize("mark", [":", "."])
def test_an_attribute_can_be_named(module: MakeModule, mark: str):
    name = module(MAKE.format("app", "shop") + MAKE.format("other", "other"))

    assert find_app(f"{name}{mark}other").main == "other"


def test_a_submodule_can_be_named(module: MakeModule):
    name = module(deep=MAKE.format("app", "deep"))

    assert find_app(f"{name}.deep").main == "deep"
    assert find_app(f"{name}:deep").main == "deep"


def test_the_same_app_under_two_names_is_one_app(module: MakeModule):
    name = module(MAKE.format("one", "shop") + "two = one\n")

    assert find_app(name).main == "shop"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module", "there is no module 'no_such_module'"),
        ("no_such.module:app", "there is no module 'no_such.module'"),
        ("shop.py", "did you mean -A shop?"),
        ("src/shop.py", "did you mean -A src.shop?"),
        ("", "expected a module's name"),
        ("two words", "expected a module's name"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(name: str, said: str):
    with pytest.raises(AppNotFound) as refused:
        find_app(name)

    assert said in refused.value.message
    assert refused.value.exit_code == 1


def test_a_module_without_an_app_is_refused_with_what_was_looked_for(module: MakeModule):
    name = module("app = 'no app'\n")

    with pytest.raises(AppNotFound) as refused:
        find_app(name)

    assert f"module {name} has no app; looked for {name}:app" in refused.value.message


def test_a_module_with_several_apps_is_refused_with_their_names(module: MakeModule):
    name = module(MAKE.format("one", "one") + MAKE.format("two", "two"))

    with pytest.raises(AppNotFound) as refused:
        find_app(name)

    assert f"say which: -A {name}:one or -A {name}:two" in refused.value.message


def test_an_attribute_that_is_not_there_is_refused_with_those_that_are(module: MakeModule):
    name = module(MAKE.format("main", "main"))

    with pytest.raises(AppNotFound) as refused:
        find_app(f"{name}:app")

    assert refused.value.message == (
        f"-A {name}:app: {name}:app is not there; apps there: {name}:main"
    )


@pytest.mark.parametrize("text", ["import no_such_dependency\n", "1 / 0\n", "def\n"])
def test_a_module_that_breaks_is_told_with_its_traceback(
    module: MakeModule, text: str, capsys: pytest.CaptureFixture[str]
):
    name = module(text)

    with pytest.raises(AppNotFound, match="could not be imported"):
        find_app(name)

    printed = capsys.readouterr().err
    assert printed.startswith("Traceback")
    assert f"{name}.py" in printed
