"""How the documentation is built. Offline: nothing is fetched, every page is made of this tree."""

import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from generated_reference import fill_in

_pyproject = Path(__file__).parents[1] / "pyproject.toml"
_project = tomllib.loads(_pyproject.read_text())["project"]

project = "celeriac"
author = "celeriac contributors"
copyright = author
release = _project["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
nitpicky = False
exclude_patterns: list[str] = []
smartquotes = False  # two dashes stay two dashes in what commands say

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"celeriac {release}"
html_copy_source = False


def setup(app: Any) -> None:
    """Have the generated parts of pages filled in as they are read."""
    app.connect("source-read", _fill_in)


def _fill_in(app: Any, name: str, source: list[str]) -> None:
    source[0] = fill_in(source[0])
