"""Work-flows are laid out as Celery lays them out, and Celery's are run as their own."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from celeriac.domain.canvas.signature import Signature
from tests.integration.canvas import layouts
from tests.unit.domain.canvas.flows import Run, ids, worth


@cache
def laid_out(library: str) -> dict[str, Any]:
    """Ask a process of its own: in this one either may go by Celery's names."""
    root = Path(__file__).parents[3]
    asked = [sys.executable, str(Path(layouts.__file__)), library]
    found = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=root)
    assert found.returncode == 0, found.stderr
    written: dict[str, Any] = json.loads(found.stdout)
    return written


def test_every_expression_is_laid_out_as_celery_lays_it_out():
    pytest.importorskip("celery.canvas")

    celerys, ours = laid_out("celery"), laid_out("celeriac")

    assert len(celerys) == len(layouts.EXPRESSIONS)
    assert {name: made for name, (made, _) in ours.items()} == {
        name: made for name, (made, _) in celerys.items()
    }


@pytest.mark.parametrize("library", ["celery", "celeriac"])
@pytest.mark.parametrize(
    "expression", [one for one in layouts.EXPRESSIONS if one not in layouts.NOTHING]
)
def test_what_is_frozen_by_either_is_run_under_the_ids_it_has(library: str, expression: str):
    if library == "celery":
        pytest.importorskip("celery.canvas")
    frozen = Signature.from_dict(laid_out(library)[expression][1])
    missing = []

    def new_id(made=ids()):  # noqa: B008 - one counter for this flow
        missing.append(made())
        return missing[-1]

    run = Run(frozen, new_id)

    assert run.result == worth(frozen)
    # Celery gives none to a group that is followed by another.
    assert not missing or (library, "| group(d, e)" in expression) == ("celery", True)
