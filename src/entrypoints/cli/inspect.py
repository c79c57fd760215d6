"""`celeriac inspect COMMAND`: look at workers. Exit code 69 if none answers."""

from typing import TYPE_CHECKING, Any

from .remote import Question, remote_command

if TYPE_CHECKING:
    from ..library.app import Celeriac


def _ask(app: "Celeriac", question: Question) -> Any:
    inspect = app.control.inspect(question.destination, question.timeout, question.callback)
    return inspect._request(question.name, **question.arguments)


command = remote_command(
    "inspect", _ask, about="Look at workers: celeriac inspect active. See --list.", counts=True
)
