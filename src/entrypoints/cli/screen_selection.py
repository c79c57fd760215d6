"""The task that is selected on the screen, and what may be done with it."""

import curses
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ...domain.errors import CeleriacError
from ...domain.tasks import states
from .screen_rows import LEFT_BORDER_OFFSET, details
from .screen_terminal import Terminal


class Selection(Terminal):
    """A list of tasks of which one may be selected."""

    selected_task: str | None = None
    selected_position = 0
    app: Any
    state: Any

    @property
    def tasks(self) -> list[tuple[str, Any]]:
        """Ids and tasks, the latest first."""
        found: list[tuple[str, Any]] = self.state.freeze_while(
            lambda: list(self.state.tasks_by_time(limit=self.limit))
        )
        return found

    @property
    def limit(self) -> int:
        """How many tasks are shown."""
        return max(0, self.display_height)

    def find_position(self) -> int:
        """Return where in the list the selected task is; 0 if it is not."""
        found = (at for at, (uuid, _) in enumerate(self.tasks) if uuid == self.selected_task)
        return next(found, 0)

    def move_selection(self, direction: int = 1) -> None:
        """Select the task so many lines below; the first if none was selected."""
        tasks = self.tasks
        if not tasks:
            return
        shown = any(uuid == self.selected_task for uuid, _ in tasks)
        wanted = self.find_position() + direction if shown else 0
        self.selected_position = min(max(0, wanted), len(tasks) - 1)
        self.selected_task = tasks[self.selected_position][0]

    def move_selection_up(self) -> None:
        """Select the task above."""
        self.move_selection(-1)

    def move_selection_down(self) -> None:
        """Select the task below."""
        self.move_selection(1)

    # -- what is done with the selected task

    def revoke_selection(self) -> None:
        """Revoke it, and show what workers answer."""
        if self.selected_task is None:
            curses.beep()
            return
        self._ask(lambda: self.app.control.revoke(self.selected_task, reply=True))

    def selection_rate_limit(self) -> None:
        """Ask for a rate limit of tasks of its name, set it, and show what workers answer."""
        task = self._selected()
        if task is None or not task.name:
            curses.beep()
            return
        y, question = self.screen_height - 2, "New rate limit: "
        self.safe_add_str(y, LEFT_BORDER_OFFSET, question.ljust(self.display_width), curses.A_BOLD)
        rate = self.readline(LEFT_BORDER_OFFSET + len(question), y)
        if rate:
            self._ask(lambda: self.app.control.rate_limit(task.name, rate, reply=True))

    def selection_info(self) -> None:
        """Show all that is known of it."""
        task = self._selected()
        if task is None:
            curses.beep()
            return

        def write(my: int, mx: int, y: int) -> None:
            for name, line in details(task, mx - 2 * LEFT_BORDER_OFFSET):
                title = f"{name}: " if name else "    "
                self.safe_add_str(y, LEFT_BORDER_OFFSET, title, curses.A_BOLD)
                self.safe_add_str(y, LEFT_BORDER_OFFSET + len(title), line)
                y += 1
                if y >= my - 2:
                    return

        self.alert(write, f"Task details for {task.uuid}")

    def selection_traceback(self) -> None:
        """Show its traceback."""
        task = self._selected()
        if task is None or not task.traceback:
            curses.beep()
            return
        self.alert_text(task.traceback, f"Task exception traceback for {task.uuid}")

    def selection_result(self) -> None:
        """Show what it has returned or raised, as events tell it or else as it is stored."""
        task = self._selected()
        if task is None:
            curses.beep()
            return
        found = task.result or task.exception
        if not found:
            with suppress(CeleriacError):
                found = repr(self.app.AsyncResult(task.uuid).result)
        self.alert_text(found or "nothing is known of it", f"Task result for {task.uuid}")

    def _selected(self) -> Any:
        return self.state.tasks.get(self.selected_task) if self.selected_task else None

    def _ask(self, ask: Callable[[], Any]) -> None:
        try:
            self.alert_remote_control_reply(ask())
        except CeleriacError as unable:
            self.alert_text(str(unable), "Remote control failed")

    def alert_remote_control_reply(self, reply: Any) -> None:
        """Show what workers have answered."""
        said = [(node, answer) for one in reply or () for node, answer in one.items()]

        def write(my: int, mx: int, y: int) -> None:
            if not said:
                text = "No worker has answered in time."
                self.safe_add_str(y, LEFT_BORDER_OFFSET, text, curses.A_BOLD)
            for line, (node, answer) in enumerate(said[: my - 2 - y], y):
                failed = isinstance(answer, Mapping) and "error" in answer
                text = (
                    answer.get("error", answer.get("ok")) if isinstance(answer, Mapping) else answer
                )
                color = self.state_colors.get(states.FAILURE if failed else states.SUCCESS, 0)
                self.safe_add_str(line, LEFT_BORDER_OFFSET, f"{node}: ", curses.A_BOLD)
                at = LEFT_BORDER_OFFSET + len(node) + 2
                self.safe_add_str(line, at, f"{'error: ' if failed else ''}{text}", color)

        self.alert(write, "Remote control replies")
