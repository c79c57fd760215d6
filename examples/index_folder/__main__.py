"""`python -m examples.index_folder [FOLDER]`: have a worker index a folder, show what it found."""

import argparse
import contextlib
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from celeriac.exceptions import CeleriacError

from .app import app, index_file
from .folder import Index, files_of, index_of
from .one_file import Facts
from .screen import Rows, Screen, open_screen
from .worker_process import WorkerFailed, WorkerProcess, worker_running

#: How many results are asked for at once. They come about in the order they were sent, so that
#: looking at the oldest ones finds many each time.
WINDOW: Final = 1000
#: How long to look for a first result, and to let more of them gather, in seconds.
LOOK_SECONDS: Final = 0.5
GATHER_SECONDS: Final = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    asked = _parser().parse_args(argv)
    # A closed terminal or a polite kill stop the worker too, as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    screen = open_screen(plain=asked.plain)
    folder = Path(asked.folder).resolve()
    if not folder.is_dir():
        print(f"{asked.folder}: there is no such folder", file=sys.stderr)
        return 2
    try:
        with _working_folder(asked.keep) as place:
            run(folder, place, asked.concurrency, screen)
    except KeyboardInterrupt:
        screen.say("interrupted; the worker is stopped")
        return 130
    except (WorkerFailed, CeleriacError, OSError) as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


def run(folder: Path, place: Path, concurrency: int, screen: Screen) -> None:
    """Index `folder` with a worker that lives in `place`."""
    refused: list[OSError] = []
    paths = list(files_of(folder, refused.append))
    screen.say(f"{len(paths):,} files in {folder}")
    screen.say(f"queue and results: {app.broker.url} in {place}")
    with worker_running(app, concurrency, place) as worker:
        screen.say(f"a worker with {concurrency} processes is ready (pid {worker.process.pid})")
        began = time.perf_counter()
        sent = [result.id for result in app.publish_many(index_file.s(path) for path in paths)]
        published = time.perf_counter() - began
        screen.say(f"{len(sent):,} tasks sent in {published:.2f} s")
        outcomes = _collected(sent, worker, screen)
        took = time.perf_counter() - began
    found = dict(zip(paths, (outcomes[id_] for id_ in sent), strict=True))
    _show(screen, folder, found, {error.filename: error for error in refused}, took)
    screen.say("\nthe worker was stopped and ended with exit code 0")


def _collected(sent: Sequence[str], worker: WorkerProcess, screen: Screen) -> dict[str, Any]:
    """Return what became of each task: the value it returned, or the exception it raised."""
    outcomes: dict[str, Any] = {}
    waiting = list(reversed(sent))  # the oldest last, where taking them off is cheap
    window: set[str] = set()
    with screen.progress("indexing", len(sent)) as advance:
        while len(outcomes) < len(sent):
            while waiting and len(window) < WINDOW:
                window.add(waiting.pop())
            found = app.fetching.ready(list(window), LOOK_SECONDS)
            outcomes.update((each.record.task_id, each.value) for each in found)
            window.difference_update(each.record.task_id for each in found)
            advance(len(found))
            worker.check()
            if window and len(found) < WINDOW // 2:
                time.sleep(GATHER_SECONDS)
    return outcomes


def _show(
    screen: Screen,
    folder: Path,
    outcomes: Mapping[str, Any],
    refused: Mapping[str, OSError],
    took: float,
) -> None:
    raised = {path: exc for path, exc in outcomes.items() if isinstance(exc, BaseException)}
    failed = {**raised, **refused}
    index = index_of(
        {path: Facts(**value) for path, value in outcomes.items() if path not in raised}
    )

    def short(path: str) -> str:
        return str(Path(path).relative_to(folder))

    screen.table("Summary", _summary(index, len(failed), len(outcomes), took))
    if index.largest:
        screen.table("Largest files", [(short(p), f"{size:,}") for p, size in index.largest])
    if index.duplicates:
        alike = [(short(first), ", ".join(map(short, more))) for first, *more in index.duplicates]
        screen.table("Duplicates (a file and its copies)", _first(alike))
    if failed:
        screen.table("Not indexed", _first([(short(p), _reason(e)) for p, e in failed.items()]))


def _summary(index: Index, failed: int, tasks: int, took: float) -> Rows:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in index.kinds.items())
    copies = sum(len(paths) - 1 for paths in index.duplicates)
    return [
        ("files", f"{index.files:,} ({kinds or 'none'})"),
        ("bytes", f"{index.size:,}"),
        ("lines", f"{index.lines:,}"),
        ("words", f"{index.words:,}"),
        ("functions", f"{index.functions:,}"),
        ("classes", f"{index.classes:,}"),
        ("duplicates", f"{copies:,} ({index.spare:,} bytes)"),
        ("failed", f"{failed:,}"),
        ("time", f"{took:.2f} s"),
        ("tasks/s", f"{tasks / took:,.0f}"),
    ]


def _first(rows: list[tuple[str, str]], most: int = 10) -> Rows:
    left = len(rows) - most
    return rows if left <= 0 else [*rows[:most], ("...", f"and {left:,} more")]


def _reason(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}".splitlines()[0]


@contextlib.contextmanager
def _working_folder(keep: Path | None) -> Iterator[Path]:
    """Stand in the folder where the SQLite file will be: one that stays, or one that goes."""
    with contextlib.ExitStack() as stack:
        if keep is None:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="celeriac-demo-"))
            place = Path(made)
        else:
            keep.mkdir(parents=True, exist_ok=True)
            place = keep.resolve()
        stack.enter_context(contextlib.chdir(place))
        stack.callback(app.close)
        yield place


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.index_folder", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        default=sysconfig.get_paths()["stdlib"],
        help="what to index; default: the standard library of this Python (%(default)s)",
    )
    parser.add_argument(
        "-c", "--concurrency", type=int, default=2, help="processes of the worker; default: 2"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="work in DIR and leave the SQLite file and the worker's log there",
    )
    parser.add_argument("--plain", action="store_true", help="plain text even where rich is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
