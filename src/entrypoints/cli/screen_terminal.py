"""A terminal that is written on line by line, and asked for keys; nothing of it knows tasks."""

import curses
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any, Final

from ...domain.errors import NotSupported
from ...domain.tasks import states
from .screen_rows import BORDER_SPACING, LEFT_BORDER_OFFSET, lines_of, printable

#: Lines that are not of the list: borders, title, heads and foot.
OTHER_LINES: Final = 10
#: Between two looks for a key while a question is open, in milliseconds.
PATIENCE: Final = 50
ESCAPE: Final = 27
ENTER: Final = (10, 13, curses.KEY_ENTER)
ERASE: Final = (8, 127, curses.KEY_BACKSPACE)

#: Writes into the window, given its height, width and first free line.
Writer = Callable[[int, int, int], None]


class Terminal:
    """What a screen is drawn on."""

    #: Milliseconds between two looks for keys.
    screen_delay = 10
    foreground = curses.COLOR_BLACK
    background = curses.COLOR_WHITE
    win: Any = None
    #: Set once it was left.
    over = False

    def __init__(self) -> None:
        """Take nothing yet."""
        self.lock = RLock()
        self.state_colors: dict[str, int] = {}

    def init_screen(self) -> None:
        """Take the terminal. Raises NotSupported if there is none that could show this."""
        with self.lock:
            try:
                self.win = curses.initscr()
                self.win.nodelay(True)
                self.win.keypad(True)
                self._choose_colors()
                curses.cbreak()
                curses.noecho()
            except curses.error as unable:
                raise NotSupported(
                    f"the terminal cannot show a screen ({unable}): set TERM, or use --dump"
                ) from unable

    def _choose_colors(self) -> None:
        with suppress(curses.error):
            curses.start_color()
        if not curses.has_colors():
            return
        pairs = (
            (self.foreground, self.background),
            (curses.COLOR_RED, self.background),
            (curses.COLOR_GREEN, self.background),
            (curses.COLOR_MAGENTA, self.background),
            (curses.COLOR_BLUE, self.background),
        )
        for number, (front, back) in enumerate(pairs, 1):
            curses.init_pair(number, front, back)
        _, failed, done, started, other = map(curses.color_pair, range(1, len(pairs) + 1))
        self.state_colors = {
            states.FAILURE: failed,
            states.REVOKED: started,
            states.SUCCESS: done,
            states.STARTED: other,
            states.RETRY: other,
        }

    def resetscreen(self) -> None:
        """Give the terminal back."""
        with self.lock:
            if self.win is None:
                return
            with suppress(curses.error):
                self.win.keypad(False)
                curses.nocbreak()
                curses.echo()
                curses.endwin()
            self.win = None

    @property
    def screen_width(self) -> int:
        """Columns of the terminal."""
        return int(self.win.getmaxyx()[1])

    @property
    def screen_height(self) -> int:
        """Lines of the terminal."""
        return int(self.win.getmaxyx()[0])

    @property
    def display_width(self) -> int:
        """Columns within the border."""
        return self.screen_width - BORDER_SPACING

    @property
    def display_height(self) -> int:
        """Lines of the list."""
        return self.screen_height - OTHER_LINES

    @property
    def limit(self) -> int:
        """How many tasks are shown."""
        return max(0, self.display_height)

    def safe_add_str(self, y: int, x: int, string: str, *args: Any, **kwargs: Any) -> None:
        """Write a line, cut where the screen ends; what would move the cursor is replaced."""
        text = printable(string)[: max(0, self.screen_width - x)]
        with suppress(curses.error):  # the terminal has shrunk, or it is its last place
            self.win.addstr(y, x, text, *args, **kwargs)

    def nap(self) -> None:
        """Wait until the next look for keys."""
        curses.napms(self.screen_delay)

    # -- questions and answers

    def alert(self, callback: Writer, title: str | None = None) -> None:
        """Show something instead, until a key is pressed.

        `callback` writes it, given the screen's height and width, and the first line to be used.
        """
        self.win.erase()
        height, width = self.win.getmaxyx()
        y = 2
        if title:
            self.safe_add_str(y, LEFT_BORDER_OFFSET, title, curses.A_BOLD | curses.A_UNDERLINE)
            y += 2
        callback(height, width, y)
        self.safe_add_str(height - 1, 0, "Press any key to continue...", curses.A_BOLD)
        self.win.refresh()
        self._key()

    def readline(self, x: int, y: int) -> str:
        """Read a line that is typed at a place; Escape takes it back."""
        typed = ""
        while (key := self._key()) not in (*ENTER, ESCAPE, -1):
            if key in ERASE:
                typed = typed[:-1]
            elif 32 <= key < 256:
                typed += chr(key)
            self.safe_add_str(y, x, typed.ljust(len(typed) + 1))
            self.win.refresh()
        return "" if key in (ESCAPE, -1) else typed.strip()

    def _key(self) -> int:
        """Return the next key; -1 if the screen was left meanwhile."""
        while not self.over:
            key = int(self.win.getch())
            if key != -1:
                return key
            curses.napms(PATIENCE)
        return -1

    def alert_text(self, text: str, title: str) -> None:
        """Show a text instead, as far as it fits, until a key is pressed."""

        def write(my: int, mx: int, y: int) -> None:
            lines = lines_of(text, mx - 2 * LEFT_BORDER_OFFSET)
            for line, shown in enumerate(lines[: max(0, my - 2 - y)], y):
                self.safe_add_str(line, LEFT_BORDER_OFFSET, shown)

        self.alert(write, title)
