"""Samples of the memory in use, and pictures of objects, by libraries that few have installed."""

import os
from collections import deque
from importlib import import_module
from typing import Any, Final

#: Samples remembered.
_KEPT: Final = 1_000
_samples: deque[float] = deque(maxlen=_KEPT)


def sample() -> str:
    """Return the resident memory of this process as text. Raises ImportError without psutil."""
    psutil = _library("psutil")
    size = psutil.Process(os.getpid()).memory_info().rss / 1024**2
    _samples.append(size)
    return _text(size)


def dump(count: int) -> str:
    """Return the last samples as text, a line each. Raises ImportError without psutil."""
    _library("psutil")
    shown = list(_samples)[-count:] if count > 0 else []
    return "".join(f"{number}: {_text(size)}\n" for number, size in enumerate(shown, 1))


def draw(kind: str, count: int, depth: int) -> str:
    """Draw what refers to objects of a type; return the file. Raises ImportError."""
    import tempfile  # with all it imports: for this picture only

    objgraph = _library("objgraph")
    with tempfile.NamedTemporaryFile(prefix="objects", suffix=".png", delete=False) as file:
        found = objgraph.by_type(kind)[:count]
        objgraph.show_backrefs(found, max_depth=depth, filename=file.name)
        return file.name


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"Requires the {name} library") from None


def _text(megabytes: float) -> str:
    return f"{megabytes:.3f}MB"
