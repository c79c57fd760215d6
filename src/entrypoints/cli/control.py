"""`celeriac control COMMAND`: tell workers to do something. Exit code 69 if none answers."""

from typing import TYPE_CHECKING, Any

from .remote import Question, remote_command

if TYPE_CHECKING:
    from ..library.app import Celeriac


def _tell(app: "Celeriac", question: Question) -> Any:
    return app.control.broadcast(
        question.name,
        question.arguments,
        question.destination,
        reply=True,
        timeout=question.timeout,
        callback=question.callback,
    )


command = remote_command(
    "control",
    _tell,
    about="Tell workers to do something: celeriac control rate_limit shop.add 10/m. See --list.",
)
