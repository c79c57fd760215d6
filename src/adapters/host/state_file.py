"""A worker's state file as Celery's workers write and read it: a dbm file of pickles.

What must stay true: reading runs no code. Only the one class that Celery's files hold is known, and
it is read as the data it is made of.
"""

import dbm
import io
import pickle
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from ...domain.errors import StateUnreadable
from ...domain.work.revocation import MAX_REVOKED, REVOKED_SECONDS
from ...ports.state_file import Remembered, StateFile

#: Version of the layout.
LAYOUT: Final = 3
#: What the ids are in: module, class.
SET_CLASS: Final = ("celery.utils.collections", "LimitedSet")
_PROTOCOL: Final = 4
_PLAIN: Final = 2  # has no frames, so that a pickle can be put together of pieces
_BROKEN: Final = (pickle.PickleError, zlib.error, EOFError, ValueError, TypeError, LookupError)


class DbmStateFile(StateFile):
    """Opens its file for each use, so that nothing is left open when the worker is killed."""

    def __init__(self, path: str) -> None:
        """Keep it there; the kind of dbm adds its own endings to the name."""
        self._path = path

    def load(self) -> Remembered:
        """Return what is there. Raises StateUnreadable."""
        try:
            with closing(dbm.open(self._path, "r")) as file:
                return _remembered(
                    {key: file[key] for key in (b"clock", b"zrevoked", b"revoked") if key in file}
                )
        except FileNotFoundError:
            return Remembered()
        except dbm.error as broken:
            if not self._files():
                return Remembered()
            raise StateUnreadable(self._refusal(broken)) from broken
        except (*_BROKEN, OSError) as broken:
            raise StateUnreadable(self._refusal(broken)) from broken

    def save(self, state: Remembered) -> None:
        """Put this in place of what is there. Raises OSError."""
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write("c", state)
        except dbm.error as broken:  # it is broken, or of a kind of dbm that is not there any more
            for file in self._files():
                file.unlink(missing_ok=True)
            with suppress(*dbm.error):
                self._write("n", state)
                return
            raise OSError(str(broken)) from broken

    def _write(self, how: Any, state: Remembered) -> None:
        with closing(dbm.open(self._path, how)) as file:
            file[b"__proto__"] = pickle.dumps(LAYOUT, _PROTOCOL)
            file[b"clock"] = pickle.dumps(state.clock, _PROTOCOL)
            ids = zlib.compress(_pickled_set(dict(state.revoked)))
            file[b"zrevoked"] = pickle.dumps(ids, _PROTOCOL)

    def _files(self) -> list[Path]:
        path = Path(self._path)
        endings = ("", ".db", ".dat", ".dir", ".pag", ".bak")
        return [one for end in endings if (one := path.with_name(path.name + end)).is_file()]

    def _refusal(self, broken: BaseException) -> str:
        why = str(broken) or type(broken).__name__
        return f"worker_state_db={self._path!r}: cannot be read: {why}"


def _pickled_set(times: dict[str, float]) -> bytes:
    """Return the pickle of Celery's set: a call of its class, which need not be here."""
    arguments = pickle.dumps((MAX_REVOKED, REVOKED_SECONDS, times, 0), _PLAIN)
    head, body = arguments[:2], arguments[2:-1]  # without PROTO in front and STOP behind
    called = "c{}\n{}\n".format(*SET_CLASS).encode()
    return head + called + body + pickle.REDUCE + pickle.STOP


def _remembered(found: Mapping[bytes, bytes]) -> Remembered:
    clock = _read(found[b"clock"]) if b"clock" in found else 0
    if b"zrevoked" in found:
        ids = _read(zlib.decompress(_read(found[b"zrevoked"])))
    else:
        ids = _read(found[b"revoked"]) if b"revoked" in found else {}
    return Remembered(_times(ids), clock if isinstance(clock, int) else 0)


def _times(ids: Any) -> dict[str, float]:
    """Return ids with their times. Up to Celery 3 they came without, or as a plain mapping."""
    if isinstance(ids, Mapping):
        return {str(id_): _time(since) for id_, since in ids.items()}
    if isinstance(ids, Iterable):
        return {str(id_): 0.0 for id_ in ids}
    raise TypeError(f"ids of revoked tasks come as {type(ids).__name__}")


def _time(since: Any) -> float:
    found = since.get("inserted") if isinstance(since, Mapping) else since
    return float(found) if isinstance(found, int | float) else 0.0


def _read(data: bytes) -> Any:
    return _OnlyData(io.BytesIO(data)).load()


class _Ids(dict[str, Any]):
    """Stands for Celery's set: made of what its pickle gives it."""

    def __init__(self, maxlen: int = 0, expires: float = 0, data: Any = None, *_: Any) -> None:
        super().__init__(data if isinstance(data, Mapping) else dict.fromkeys(data or (), 0.0))


class _OnlyData(pickle.Unpickler):
    """Knows that one class."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for the class; refuse any other."""
        if name == SET_CLASS[1] and module.startswith(("celery.", "celeriac.")):
            return _Ids
        raise pickle.UnpicklingError(f"it holds a {module}.{name}, which is not read")
