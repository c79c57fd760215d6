"""A terminal for programs under test: a pseudo-terminal, and what is to be seen on it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

#: How long anything may take on a busy machine, in seconds.
PATIENCE = 45.0

_TOKEN = re.compile(
    r"\x1b\[([?>0-9;]*)([A-Za-z@])|\x1b[()][AB0]|\x1b[=>78M]|(\x1b)|([^\x1b])", re.DOTALL
)


class Picture:
    """What a terminal shows of what is written to it, as far as curses needs that."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.y = self.x = 0
        self._lines = [[" "] * width for _ in range(height)]
        self._rest = ""

    def write(self, text: str) -> None:
        text, at = self._rest + text, 0
        while found := _TOKEN.match(text, at):
            if found[3]:
                break  # the rest of it has not come yet
            at = found.end()
            if found[4]:
                self._put(found[4])
            elif found[2] and not found[1].startswith(("?", ">")):
                self._command(found[2], [int(n or 0) for n in found[1].split(";")])
        self._rest = text[at:]

    def _put(self, character: str) -> None:
        match character:
            case "\r":
                self.x = 0
            case "\n":
                self.y = min(self.y + 1, self.height - 1)
            case "\b":
                self.x = max(0, self.x - 1)
            case _ if character >= " ":
                if self.x == self.width:
                    self.x, self.y = 0, min(self.y + 1, self.height - 1)
                self._lines[self.y][self.x] = character
                self.x += 1

    def _command(self, what: str, numbers: list[int]) -> None:
        first, count = numbers[0], numbers[0] or 1
        line = self._lines[self.y]
        match what:
            case "H":
                self.y, self.x = count - 1, ((numbers[1:] or [1])[0] or 1) - 1
            case "A" | "B":
                self.y += count if what == "B" else -count
            case "C" | "D":
                self.x += count if what == "C" else -count
            case "G":
                self.x = count - 1
            case "d":
                self.y = count - 1
            case "X":
                line[self.x : self.x + count] = [" "] * count
            case "P":
                line[self.x :] = [*line[self.x + count :], *" " * count][: self.width - self.x]
            case "@":
                line[self.x :] = [*" " * count, *line[self.x :]][: self.width - self.x]
            case "K" if first == 1:
                line[: self.x + 1] = [" "] * (self.x + 1)
            case "K":
                line[self.x :] = [" "] * (self.width - self.x)
            case "J":
                whole = first == 2
                begin = 0 if whole else self.y + 1
                if not whole:
                    line[self.x :] = [" "] * (self.width - self.x)
                for at in range(begin, self.height):
                    self._lines[at] = [" "] * self.width
            case "L" | "M":
                for _ in range(count):
                    self._lines.insert(*((self.y, []) if what == "L" else (self.height, [])))
                    self._lines.pop(-1 if what == "L" else self.y)
                self._lines = [each or [" "] * self.width for each in self._lines]
            case "m" | "r" | "h" | "l" | "t" | "c":
                pass
            case _:
                raise AssertionError(f"this terminal knows no {what!r} {numbers}")

    def __str__(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self._lines)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(
        self,
        command: list[str],
        folder: Path,
        environ: Mapping[str, str],
        kind: str = "xterm",
        size: tuple[int, int] = (24, 110),
    ) -> None:
        self.picture = Picture(*size)
        self._hand, its_own = pty.openpty()
        fcntl.ioctl(its_own, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        own = {name: value for name, value in environ.items() if name not in ("LINES", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**own, "TERM": kind},
            stdin=its_own,
            stdout=its_own,
            stderr=its_own,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(its_own)

    def type(self, text: str) -> None:
        os.write(self._hand, text.encode())

    def until(self, *texts: str, without: str = "", seconds: float = PATIENCE) -> str:
        """Return what is to be seen, once it holds these texts."""
        end = time.monotonic() + seconds
        while True:
            shown = str(self.picture)
            if all(text in shown for text in texts) and not (without and without in shown):
                return shown
            assert time.monotonic() < end, f"no {texts} in\n{shown}"
            self._look()

    def _look(self) -> None:
        ready, _, _ = select.select([self._hand], [], [], 0.05)
        if ready:
            try:
                self.picture.write(os.read(self._hand, 65536).decode(errors="replace"))
            except OSError:  # nobody writes to it any more
                time.sleep(0.01)

    def exit_code(self, seconds: float = PATIENCE) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end:\n{self.picture}"
            self._look()
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._hand)
