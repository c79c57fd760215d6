"""Groups of which the members are made while they are sent."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...domain.canvas import workflow as domain
from ...domain.canvas.kinds import GROUP, group_of
from ...domain.canvas.signature import Signature as Plain
from ...domain.canvas.unfold import unfold
from ...domain.errors import BrokerUnavailable
from .canvas import Signature
from .compound import (
    check_chords,
    note_in_parent,
    of_sending,
    reply_address,
    result_of,
    signatures_in,
    with_call,
)
from .group_results import GroupResult
from .groups import check_links, group

if TYPE_CHECKING:
    from .app import Celeriac

#: How many members are made, and messages held, at a time.
AT_ONCE = 1000


class LazyGroup(group):
    """A group of an iterator. Whatever looks at its members makes it a plain group.

    Sending it consumes the iterator; it cannot be looked at or sent again afterwards.
    """

    def __init__(self, tasks: Iterator[Any], app: "Celeriac | None" = None, **options: Any) -> None:
        """Take an iterator of signatures."""
        Signature.__init__(self, GROUP, (), {}, options, subtask_type="group", app=app)
        self.__dict__["_members"] = tasks

    def apply_async(
        self, args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send members while they are made; returns their GroupResult.

        Raises:
            BrokerUnavailable: `sent` on it holds the results of the members already sent.
        """
        check_links(options)
        left = self.__dict__["_members"]
        head = signatures_in(islice(_unsent(left), AT_ONCE))
        self._app = self._app or next((one._app for one in head if one._app is not None), None)
        if self.app.conf.task_always_eager:
            self._become_plain(head + signatures_in(left))
            return group.apply_async(self, args, kwargs, **options)
        self.__dict__["_members"] = None
        own = of_sending(options)
        empty = group([], app=self._app, **dict.__getitem__(self, "options"))
        whole = with_call(empty, args, kwargs, options)
        result = _Sending(self.app, whole, own).all_of(head, left)
        note_in_parent(result, own)
        return result

    # -- whatever looks inside; `dict`'s own, since this may be a plain group by then

    def __getitem__(self, name: str) -> Any:
        """Return an item."""
        self._look(name)
        return dict.__getitem__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an item, or the default."""
        self._look(name)
        return dict.get(self, name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return an item; all there can be are there."""
        self._look(name)
        return dict.setdefault(self, name, default)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys; that it is overridden keeps `dict(self)` from looking past it."""
        self._become_plain()
        return dict.__iter__(self)

    def items(self) -> Any:
        """Return the items."""
        self._become_plain()
        return dict.items(self)

    def values(self) -> Any:
        """Return the values."""
        self._become_plain()
        return dict.values(self)

    def __eq__(self, other: object) -> bool:
        """Compare the members too."""
        self._become_plain()
        return dict.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment] # as any dict

    def _look(self, name: str) -> None:
        if name == "kwargs":
            self._become_plain()

    def _become_plain(self, members: list[Signature] | None = None) -> None:
        if type(self) is not LazyGroup:
            return
        # Plain first: what follows looks at it as one.
        left = self.__dict__.pop("_members")
        made = signatures_in(_unsent(left)) if members is None else members
        self.__class__ = group  # type: ignore[assignment]
        dict.__getitem__(self, "kwargs")["tasks"] = made
        self._app = self._app or next((one._app for one in made if one._app is not None), None)


class _Sending:
    """One group on its way: members become messages, a batch at a time."""

    def __init__(self, app: "Celeriac", whole: Plain, own: Mapping[str, Any]) -> None:
        self._app, self._own = app, own
        self._id: str = whole.options.get("task_id") or app.new_id()
        self._whole = whole
        self._sent = 0

    def all_of(self, head: list[Signature], left: Iterator[Any]) -> GroupResult:
        results: list[Any] = []
        try:
            while head:
                results += self._publish(head)
                head = signatures_in(islice(left, AT_ONCE))
        except BrokerUnavailable as away:
            away.sent = results
            raise
        return GroupResult(self._id, results, app=self._app)

    def _publish(self, members: Iterable[Signature]) -> list[Any]:
        from .composing import Composing
        from .publishing import publish

        some = group_of([Plain.from_dict(one).to_dict() for one in members], self._whole.options)
        laid = domain.members_of(
            Plain(GROUP, self._whole.args, {**self._whole.kwargs, **some.kwargs}, some.options)
        )
        calls: list[Plain] = []
        opens: list[Any] = []
        results: list[Any] = []
        for member in laid:
            place: dict[str, Any] = {"group_id": self._id, "group_index": self._sent}
            place["reply_to"] = reply_address(self._app)
            made = domain.frozen(member, self._app.new_id, **place)
            check_chords(self._app, made)
            unfolded = unfold(made, polled=self._app.conf.result_chord_polling)
            calls += unfolded.calls
            opens += unfolded.opens
            results.append(result_of(made, self._app))
            self._sent += 1
        messages = list(map(Composing(self._app).of, calls))
        publish(self._app, messages, opens, AT_ONCE, self._own)
        return results


def _unsent(members: Iterator[Any] | None) -> Iterator[Any]:
    if members is None:
        raise ValueError(
            "this group was made of an iterator, and its members are sent and gone: make the group "
            "of a list to look at it, or send it, after it was sent"
        )
    return members
