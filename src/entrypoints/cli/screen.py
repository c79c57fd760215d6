"""The screen of `celeriac events`: the tasks and workers of a cluster, as events tell of them.

One thread hears (`capture_events`), one shows and takes keys (`DisplayThread`); both use a lock.
"""

import curses
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from ... import __version__
from ...domain.errors import NotSupported
from . import screen_rows
from .screen_rows import (
    BORDER_SPACING,
    LEFT_BORDER_OFFSET,
    MIN_TASK_WIDTH,
    MIN_WORKER_WIDTH,
    STATE_WIDTH,
    STATUS_SCREEN,
    TIMESTAMP_WIDTH,
    UUID_WIDTH,
)
from .screen_selection import Selection

__all__ = [
    "BORDER_SPACING",
    "LEFT_BORDER_OFFSET",
    "MIN_TASK_WIDTH",
    "MIN_WORKER_WIDTH",
    "STATE_WIDTH",
    "STATUS_SCREEN",
    "TIMESTAMP_WIDTH",
    "UUID_WIDTH",
    "VERSION_BANNER",
    "CursesMonitor",
    "DisplayThread",
    "capture_events",
    "evtop",
]

VERSION_BANNER: Final = __version__

#: Where the list begins.
FIRST_LINE: Final = 3


class CursesMonitor(Selection):
    """What is on the screen, and what keys do.

    Args:
        state: What is shown.
        app: Who asks workers for something.
        keymap: Functions by key, in capitals, over those that are there.
    """

    keymap: Mapping[str, Callable[[], Any]] = {}
    #: What else keys are called, by curses' numbers.
    keyalias: ClassVar[dict[int, str]] = {
        curses.KEY_DOWN: "J",
        curses.KEY_UP: "K",
        curses.KEY_ENTER: "I",
    }
    selected_str = "Selected: "
    online_str = "Workers online: "
    info_str = "Info: "
    help_title = "Keys: "
    help = "j:down k:up i:info t:traceback r:result c:revoke l:rate limit q:quit"
    greet = f"celeriac events {VERSION_BANNER}"
    #: Something to be known beside, such as that the broker is away.
    notice = ""
    _shown: Any = None

    def __init__(
        self, state: Any, app: Any, keymap: Mapping[str, Callable[[], Any]] | None = None
    ) -> None:
        super().__init__()
        self.app, self.state = app, state
        own = {
            "J": self.move_selection_down,
            "K": self.move_selection_up,
            "I": self.selection_info,
            "T": self.selection_traceback,
            "R": self.selection_result,
            "C": self.revoke_selection,
            "L": self.selection_rate_limit,
            "Q": self.quit,
        }
        self.keymap = {**own, **type(self).keymap, **(keymap or {})}

    # -- what is shown

    @property
    def workers(self) -> list[str]:
        """The names of the workers that are there."""
        alive = self.state.freeze_while(lambda: list(self.state.alive_workers()))
        return [worker.hostname for worker in alive]

    def draw(self) -> None:
        """Take a key, and show what has changed."""
        with self.lock:
            if self.win is None:
                return
            self.handle_keypress()
            workers = self.workers
            now = (
                *(self.state.event_count, self.win.getmaxyx(), workers, self.notice),
                *(self.selected_task, self.over),
            )
            if now != self._shown:
                self._shown = now
                self._paint(workers)

    def _paint(self, workers: Sequence[str]) -> None:
        win, height, x = self.win, self.screen_height, LEFT_BORDER_OFFSET
        win.erase()
        with suppress(curses.error):
            win.border()
        self.safe_add_str(1, x, self.greet, curses.A_DIM)
        head = self.format_row("UUID", "TASK", "WORKER", "TIME", "STATE")
        self.safe_add_str(FIRST_LINE, x, head, curses.A_BOLD | curses.A_UNDERLINE)
        for line, (_, task) in enumerate(self.tasks, FIRST_LINE + 1):
            self.display_task_row(line, task)
        for line, (title, text) in enumerate(self._foot(workers), height - 5):
            self.safe_add_str(line, x, title, curses.A_BOLD)
            self.safe_add_str(line, x + len(title), screen_rows.clipped(text, self._rest(title)))
        win.refresh()

    def _foot(self, workers: Sequence[str]) -> list[tuple[str, str]]:
        task = self.state.tasks.get(self.selected_task) if self.selected_task else None
        selected = "no task" if task is None else screen_rows.summary(task) or "nothing known yet"
        counts = STATUS_SCREEN.format(
            s=self.state, w_alive=len(workers), w_all=len(self.state.workers)
        )
        return [
            (self.selected_str, selected),
            (self.online_str, ", ".join(workers)),
            (self.info_str, self.notice or counts),
            (self.help_title, self.help),
        ]

    def _rest(self, title: str) -> int:
        return self.display_width - len(title) - 1

    def format_row(self, uuid: str, task: str, worker: str, timestamp: str, state: str) -> str:
        """Return a row of the list."""
        columns = screen_rows.widths(self.display_width - 2)
        return screen_rows.row(columns, uuid, task, worker, timestamp, state)

    def display_task_row(self, lineno: int, task: Any) -> None:
        """Write the row of a task; the one selected is in reverse."""
        worker = "" if task.worker is None else task.worker.hostname
        line = self.format_row(
            task.uuid, task.name or "", worker, screen_rows.hour(task.timestamp), task.state
        )
        if task.uuid == self.selected_task:
            self.safe_add_str(lineno, LEFT_BORDER_OFFSET, line, curses.A_STANDOUT)
            return
        at = len(line) - STATE_WIDTH
        self.safe_add_str(lineno, LEFT_BORDER_OFFSET, line[:at])
        color = self.state_colors.get(task.state, 0)
        self.safe_add_str(lineno, LEFT_BORDER_OFFSET + at, line[at:], color | curses.A_BOLD)

    # -- keys

    def handle_keypress(self) -> None:
        """Do what the key stands for that was pressed, if one was."""
        key = self.win.getch()
        if key == -1:
            return
        self._shown = None
        name = self.keyalias.get(key) or (chr(key).upper() if 0 <= key < 256 else "")
        if name in ("\n", "\r"):
            name = "I"
        if act := self.keymap.get(name):
            act()

    def quit(self) -> None:
        """Leave."""
        self.over = True


class DisplayThread(threading.Thread):
    """Shows a monitor until `shutdown` is set."""

    def __init__(self, display: Any) -> None:
        """Show this one."""
        super().__init__(name="celeriac-screen", daemon=True)
        self.display, self.shutdown = display, False

    def run(self) -> None:
        """Show what has changed, again and again."""
        while not self.shutdown:
            self.display.draw()
            self.display.nap()


def capture_events(app: Any, state: Any, display: Any) -> None:
    """Feed a state with the events of an app until the display is left."""

    def look() -> None:
        display.notice = ""
        receiver.should_stop = receiver.should_stop or display.over

    def away(exc: Exception, interval: float) -> None:
        display.notice = f"the broker is away, trying again in {interval:g} s: {exc}"
        if display.over:
            raise KeyboardInterrupt

    receiver = app.events.Receiver(handlers={"*": state.event})
    receiver.on_iteration, receiver.on_connection_error = look, away
    receiver.run()


def evtop(app: Any = None) -> None:
    """Show the tasks and workers of an app on the terminal until it is left.

    Raises NotSupported where there is no terminal, or where the broker carries no events.
    """
    from ..library.current import get_current

    app = app or get_current()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotSupported(
            "the screen of celeriac events needs a terminal: use --dump for lines, --camera for "
            "pictures, or app.events.Receiver in a program"
        )
    where = app.connection().as_uri()
    if not app.container.bus().carries:
        raise NotSupported(f"{where} carries tasks only, and no events: there is nothing to show")
    state = app.events.State()
    display = CursesMonitor(state, app)
    display.notice = f"connecting to {where}"
    display.init_screen()
    shown = DisplayThread(display)
    shown.start()
    try:
        capture_events(app, state, display)
    except KeyboardInterrupt:
        pass
    finally:
        display.over = shown.shutdown = True
        shown.join()
        display.resetscreen()
