"""`celeriac events` on a terminal: what workers do is seen, and keys do what they say."""

import signal
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.integration.cli.running import Place
from tests.integration.cli.terminal import Terminal

Show = Callable[..., Terminal]


@pytest.fixture
def show(place: Place) -> Iterator[Show]:
    shown: list[Terminal] = []

    def start(ahead: Sequence[str] = (), **options: object) -> Terminal:
        command = ["-m", "celeriac", "-A", "shop", *ahead, "events"]
        terminal = Terminal(command, place.folder, place._environ(None), **options)  # type: ignore[arg-type]
        shown.append(terminal)
        return terminal

    yield start
    for terminal in shown:
        terminal.close()


def test_tasks_of_a_worker_are_seen_and_looked_at(place: Place, show: Show):
    place.worker("-E", "-n", "one@here", "-c", "1")
    screen = show()
    screen.until("celeriac events", "Workers online: one@here", "Selected: no task")

    first = place.send("add", 2, 3)
    first.get(timeout=30)
    screen.until(first.id, "shop.add", "SUCCESS")
    second = place.send("fail")
    second.get(timeout=30, propagate=False)
    screen.until(second.id, "shop.fail", "FAILURE", "tasks: 2 workers: 1/1 online")

    screen.type("j")  # the latest, at the top
    screen.until("Selected: args=()")
    screen.type("t")
    seen = screen.until("Task exception traceback for", "Press any key")
    assert second.id in seen
    assert "ValueError: this shop is closed" in seen
    screen.type(" ")
    screen.until("Keys: j:down", without="Press any key")
    screen.type("r")
    screen.until(f"Task result for {second.id}", "ValueError('this shop is closed')")
    screen.type(" ")
    screen.until("Keys: j:down")
    screen.type("j")
    screen.until("Selected: args=(2, 3)")
    screen.type("i")
    screen.until(f"Task details for {first.id}", "args: (2, 3)", "result: 5", "state: SUCCESS")
    screen.type(" ")
    screen.until("Keys: j:down")
    screen.type("k")
    screen.until("Selected: args=()")

    screen.type("q")
    assert screen.exit_code() == 0


def test_workers_are_told_what_is_asked_for(place: Place, show: Show):
    worker = place.worker("-E", "-n", "one@here", "-c", "1")
    screen = show()
    screen.until("Workers online: one@here")
    place.send("nap", "long", 60)
    place.until_begun("long")
    waits = place.send("add", 1, 1)
    screen.until(waits.id, "STARTED")
    screen.type("j")
    if "args=(1, 1)" not in screen.until("Selected: args="):
        screen.type("j")
        screen.until("Selected: args=(1, 1)")

    screen.type("l")
    screen.until("New rate limit:")
    screen.type("7/s\x7fm\r")
    screen.until("Remote control replies", "one@here: new rate limit set successfully")
    screen.type(" ")
    screen.until("Keys: j:down")
    screen.type("l")
    screen.until("New rate limit:")
    screen.type("9/h\x1b")  # never mind
    screen.until("Keys: j:down", without="New rate limit")
    assert "7/m" in str(place.app.control.inspect(timeout=10, limit=1).registered("rate_limit"))

    screen.type("c")
    screen.until("Remote control replies", "one@here: tasks")
    screen.type(" ")
    screen.until("REVOKED")
    worker.stop(signal.SIGQUIT)
    assert waits.state == "REVOKED"


def test_it_is_left_by_an_interrupt_and_leaves_the_terminal_as_it_was(place: Place, show: Show):
    screen = show()
    screen.until("Keys: j:down")

    screen.type("\x03")

    assert screen.exit_code() == 0


def test_it_needs_no_colours_and_little_room(place: Place, show: Show):
    screen = show(kind="vt100", size=(12, 50))
    screen.until("events: 0 tasks: 0")  # it hears
    place.app.events.Dispatcher(hostname="w@h").send(
        "task-received", uuid="a" * 36, name="shop\x1b[2J.add", args="()", kwargs="{}"
    )

    seen = screen.until("aaaaaa..", "shop?[2J")
    assert max(map(len, seen.splitlines())) <= 50
    screen.type("q")
    assert screen.exit_code() == 0


def test_a_terminal_that_cannot_show_it_is_refused(place: Place, show: Show):
    screen = show(kind="nothing-of-that-name")

    assert screen.exit_code() == 2
    assert "the terminal cannot show a screen" in screen.until("use --dump")


def test_a_broker_without_events_is_refused(place: Place, show: Show):
    screen = show(ahead=("-b", "filesystem://"))

    assert screen.exit_code() == 2
    screen.until("carries tasks only, and no events")


def test_without_a_terminal_it_is_refused(place: Place):
    done = place.run("-A", "shop", "events")

    assert done.returncode == 2
    assert "needs a terminal: use --dump for lines" in " ".join(done.stderr.split())
