"""Whether a library is there, without importing it: it would patch, or weigh on, the worker."""

from importlib.util import find_spec

from ....domain.errors import MissingExtra


def require(library: str) -> None:
    """Raise MissingExtra where the library of a pool, its extra's namesake, is not installed."""
    if find_spec(library) is None:
        raise MissingExtra(f"worker_pool={library!r}", library, library)
