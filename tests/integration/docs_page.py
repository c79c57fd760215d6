"""Do what a page of the documentation says, in the current directory; a program of its own.

Comments before a code block say what it is:

- `<!-- file: shop.py -->`: it is written to that file;
- `<!-- worker -->`: its `celeriac … worker` command is started, and stopped at the end of the page;
- `<!-- beat -->`: so is its `celeriac … beat` command;
- `<!-- run -->`: its Python is executed, or each line of shell run, and may not fail.

Blocks of Python with `>>>` need no comment: they are executed, and must answer as they say. All
Python of a page shares its names.
"""

import doctest
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = re.compile(
    r"^(?:<!-- (?P<what>file|worker|beat|run)(?:: (?P<name>\S+))? -->\n+)?"
    r"```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
READY_SECONDS = 20.0


class Block(NamedTuple):
    """A block of code that is to be used."""

    line: int
    what: str
    name: str
    language: str
    code: str


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page that say something testable, in their order."""
    blocks = []
    for found in BLOCK.finditer(page):
        what, language, code = found["what"], found["language"], found["code"]
        if what is None and language == "python" and ">>>" in code:
            what = "doctest"
        if what is not None:
            line = page.count("\n", 0, found.start("code")) + 1
            blocks.append(Block(line, what, found["name"] or "", language, code))
    return blocks


class Page:
    """Carries the blocks out, one after the other."""

    def __init__(self, path: Path) -> None:
        """Begin with no names and no processes."""
        self.path = path
        self.names: dict[str, Any] = {"__name__": "page"}
        self.started: list[subprocess.Popen[bytes]] = []
        self.workers = 0

    def run(self) -> None:
        """Do all of it; raises at the first block that does not hold."""
        try:
            for block in blocks_of(self.path.read_text()):
                self._do(block)
        finally:
            for process in self.started:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(20) for process in self.started]
        if any(codes):
            raise SystemExit(f"processes ended with {codes}:\n{_logs()}")

    def _do(self, block: Block) -> None:
        where = f"{self.path.name}:{block.line}"
        match block.what, block.language:
            case "file", _:
                Path(block.name).parent.mkdir(parents=True, exist_ok=True)
                Path(block.name).write_text(block.code)
            case "doctest", _:
                self._doctest(block, where)
            case "run", "python":
                exec(compile(block.code, where, "exec"), self.names)  # noqa: S102 - it is ours
            case "run", _:
                for command in block.code.splitlines():
                    subprocess.run(_command(command), check=True)
            case "worker", _:
                self._worker(block.code.strip().splitlines()[-1])
            case "beat", _:
                self._beat(block.code.strip().splitlines()[-1])

    def _doctest(self, block: Block, where: str) -> None:
        test = doctest.DocTestParser().get_doctest(block.code, {}, where, where, block.line)
        test.globs = self.names
        runner = doctest.DocTestRunner(
            optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
        )
        said: list[str] = []
        runner.run(test, out=said.append, clear_globs=False)
        if runner.failures:
            raise SystemExit("".join(said))

    def _worker(self, command: str) -> None:
        module = re.search(r"-A (\w+)", command)
        app = __import__(module[1]).app if module else None
        self.workers += 1
        self._start(
            command, lambda: len(app.control.ping(timeout=0.2, limit=self.workers)) == self.workers
        )

    def _beat(self, command: str) -> None:
        self._start(command, lambda: "leading" in _logs())

    def _start(self, command: str, is_ready: Callable[[], object]) -> None:
        log = Path(f"process-{len(self.started)}.log")
        with log.open("wb") as file:
            process = subprocess.Popen(
                _command(command), stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        self.started.append(process)
        ends = time.monotonic() + READY_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{command!r} is not ready:\n{_logs()}")
            time.sleep(0.02)


def _command(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    return [sys.executable, "-m", *words] if words[0] == "celeriac" else words


def _logs() -> str:
    return "\n".join(path.read_text() for path in Path().glob("process-*.log"))


if __name__ == "__main__":
    sys.path.insert(0, "")
    Page(Path(sys.argv[1])).run()
