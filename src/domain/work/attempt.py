"""One attempt at one message: all that an outcome needs to be judged by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid5

from ..canvas.signature import Signature, checked
from ..messaging.message import TaskMessage
from ..messaging.payload import Codec
from ..quick_values import quickly_made
from ..tasks.options import TaskOptions

#: Makes the message of a signature, with its options, sent now by the running task.
Compose = Callable[[Signature], TaskMessage]


@quickly_made
@dataclass(frozen=True, slots=True)
class Body:
    """A decoded message body."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    embed: Mapping[str, Any]

    @classmethod
    def read(cls, value: object) -> "Body":
        """Make a body of a decoded value. Raises ValueError saying what is wrong with it."""
        if isinstance(value, list | tuple) and len(value) == 3:
            args, kwargs, embed = value
            if isinstance(args, list | tuple) and isinstance(kwargs, dict):
                body = cls(tuple(args), kwargs, embed if isinstance(embed, dict) else {})
                # Better refused now than found broken when the task is done.
                for name in ("callbacks", "errbacks", "chain"):
                    for stored in body._listed(name):
                        checked(stored)
                if body.embed.get("chord"):
                    checked(body.embed["chord"])
                return body
        raise ValueError("the body is not [args, kwargs, embed]")

    def signatures(self, name: str) -> tuple[Signature, ...]:
        """Return the signatures embedded under a name. Raises ValueError."""
        return tuple(Signature.from_dict(item) for item in self._listed(name))

    def _listed(self, name: str) -> Sequence[Any]:
        stored = self.embed.get(name) or ()
        if not isinstance(stored, list | tuple):
            raise ValueError(f"the body's {name!r} is {stored!r}: expected a list of signatures")
        return stored


@quickly_made
@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt at one message."""

    number: int
    message: TaskMessage
    body: Body
    options: TaskOptions
    node: str
    codec: Codec
    compose: Compose
    result_serializer: str = "json"
    result_extended: bool = False
    children: Sequence[Any] = field(default_factory=list)
    #: The completions of chords of which this process has run parts, by group id.
    completions: dict[str, tuple[Any, TaskMessage]] = field(default_factory=dict)
    #: What the task has added to the chord it is in; sent when it has come to its end.
    added: list[Signature] = field(default_factory=list)
    #: Whether chords sent from here are polled for, and not counted.
    polled: bool = False

    @property
    def keeps_result(self) -> bool:
        """Whether a returned value is stored."""
        return not (self.options.ignore_result or self.message.ignore_result)

    @property
    def keeps_errors(self) -> bool:
        """Whether a failure is stored."""
        return self.keeps_result or self.options.store_errors_even_if_ignored

    @property
    def lineage(self) -> dict[str, Any]:
        """What a call that follows from this one is told of where it comes from."""
        told = {"parent_id": self.message.id, "root_id": self.message.root_id}
        reply_to = self.message.reply_to
        return {**told, "reply_to": reply_to} if reply_to else told


#: Namespace of ids that follow from others; drawn once, for this alone.
_FOLLOWING: Final = UUID("0b9c9d8e-3f0a-4c59-9a55-6d1f3a7be214")


def ids_after(id_: str, outcome: str) -> Iterator[str]:
    """Yield ids made of an id: whoever runs the task again sends the same work-flow again."""
    names = (f"{id_}\n{outcome}\n{number}" for number in count())
    return (str(uuid5(_FOLLOWING, name)) for name in names)


def with_options(call: Signature, options: Mapping[str, Any]) -> Signature:
    """Return the call with further options, which win."""
    return Signature(
        call.task,
        call.args,
        call.kwargs,
        {**call.options, **options},
        call.subtask_type,
        call.immutable,
    )
