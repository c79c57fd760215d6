"""The command line, called as a function on an app that lives in memory."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from celeriac import Celeriac
from celeriac.entrypoints.cli import VARIABLES, program
from celeriac.entrypoints.cli.session import Session

CeleriacCommand = Callable[..., Result]


@pytest.fixture
def app() -> Iterator[Celeriac]:
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as made:
        made.task(name="shop.add")(add)
        made.task(name="shop.fail")(fail)
        yield made


def add(x: int, y: int) -> int:
    return x + y


def fail() -> None:
    raise ValueError("this shop is closed")


@pytest.fixture
def celeriac(app: Celeriac) -> CeleriacCommand:
    """Run `celeriac` with these words; without an app it looks for one by itself."""

    def run(*words: str, given: Celeriac | None = app, **options: object) -> Result:
        return CliRunner().invoke(
            program,
            words,
            obj=Session(given=given),
            prog_name="celeriac",
            auto_envvar_prefix=VARIABLES,
            **options,
        )

    return run
