"""What the reader sees: with rich a bar and tables, without it, or with `--plain`, plain text."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

Rows = Sequence[tuple[str, str]]
Advance = Callable[[int], None]


class Screen(ABC):
    """Somewhere to say things."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Say a line."""

    @abstractmethod
    def table(self, title: str, rows: Rows) -> None:
        """Show rows of two columns."""

    @abstractmethod
    def progress(self, title: str, total: int) -> AbstractContextManager[Advance]:
        """Show how far something is: `with screen.progress(…) as advance: advance(3)`."""


class Plain(Screen):
    """Plain text, one line at a time."""

    def say(self, text: str) -> None:
        """Say a line."""
        print(_printable(text), flush=True)

    def table(self, title: str, rows: Rows) -> None:
        """Show rows of two columns."""
        self.say(f"\n{title}")
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.say(f"  {name:<{width}}  {value}")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Advance]:
        """Say it at each tenth."""
        done = said = 0

        def advance(count: int) -> None:
            nonlocal done, said
            done += count
            if total and done * 10 // total > said:
                said = done * 10 // total
                self.say(f"{title}: {done}/{total}")

        yield advance


class Rich(Screen):
    """Colours, a moving bar and tables."""

    def __init__(self) -> None:
        """Raises ImportError without rich."""
        from rich.console import Console

        self.console = Console(highlight=False)

    def say(self, text: str) -> None:
        """Say a line."""
        self.console.print(_printable(text), markup=False)

    def table(self, title: str, rows: Rows) -> None:
        """Show rows of two columns."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, show_header=False, title_justify="left", min_width=50)
        table.add_column(style="bold cyan", overflow="fold")
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(Text(_printable(name)), Text(_printable(value)))
        self.console.print()
        self.console.print(table)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Advance]:
        """Move a bar."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as bar:
            task = bar.add_task(title, total=total)
            yield lambda count: bar.advance(task, count)


def open_screen(*, plain: bool) -> Screen:
    """Return the best screen there is."""
    if plain:
        return Plain()
    try:
        return Rich()
    except ImportError:
        return Plain()


def _printable(text: str) -> str:
    """Return the text with what this terminal cannot show escaped: file names hold any bytes."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
