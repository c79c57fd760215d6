"""What a simulation knows by watching, kept apart from what the store says of itself.

It follows every delivery from publication to its end by the calls that are made, so that a store
which lets a stale owner commit, or forgets a message, is found out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from celeriac.domain.messaging.delivery import Delivery, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks import states
from celeriac.domain.work.settlement import DeadLetter, Done, Settlement

#: One attempt at one task: its id, and how many attempts came before.
Attempt = tuple[str, int]


class Violation(AssertionError):
    """Something that must stay true did not."""


def attempt_of(message: TaskMessage) -> Attempt:
    return message.id, message.retries


class Ledger:
    """Who owns what, what was accepted, begun, committed and ended; and a trace of it all."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.accepted: Counter[Attempt] = Counter()
        self.tasks: dict[str, str] = {}
        self.begun: Counter[Attempt] = Counter()
        self.ended: Counter[str | int] = Counter()
        self.committed: defaultdict[str, list[str]] = defaultdict(list)
        self._owners: dict[str | int, tuple[str, Token]] = {}
        self._marked: set[str | int] = set()

    def note(self, line: str) -> None:
        self.trace.append(line)

    def published(self, messages: Iterable[TaskMessage]) -> None:
        for message in messages:
            self.accepted[attempt_of(message)] += 1
            self.tasks[message.id] = message.task
            self.note(f"published {message.task} {message.id} {message.retries}")

    def claimed(self, node: str, items: Iterable[Delivery | Undecodable]) -> None:
        for item in items:
            self._owners[item.token.tag] = node, item.token
            self.note(f"{node} owns {item.token.tag}")

    def marked(self, node: str, tokens: Sequence[Token], valid: Sequence[bool]) -> None:
        for token, is_valid in zip(tokens, valid, strict=True):
            self.note(f"{node} {'marks' if is_valid else 'may not mark'} {token.tag}")
            if is_valid:
                self._marked.add(token.tag)

    def returned(self, node: str, tags: Iterable[str | int]) -> None:
        """What a worker still held when it left in order counts as never started."""
        for tag in tags:
            self.note(f"{node} returns {tag}")
            self._marked.discard(tag)

    def ran(self, node: str, message: TaskMessage) -> None:
        self.begun[attempt_of(message)] += 1
        self.note(f"{node} runs {message.task} {message.id} {message.retries}")

    def settled(
        self, node: str, settlements: Sequence[Settlement], committed: Sequence[bool]
    ) -> None:
        for settlement, done in zip(settlements, committed, strict=True):
            word = "settles" if done else "may not settle"
            self.note(f"{node} {word} {settlement.token.tag} {settlement.disposition}")
            if done:
                self._commit(node, settlement)

    def _commit(self, node: str, settlement: Settlement) -> None:
        tag = settlement.token.tag
        if self._owners.pop(tag, None) != (node, settlement.token):
            raise Violation(f"{node} committed {settlement}, but is not its owner")
        for record in settlement.results:
            lost = record.result is not None and b"WorkerLostError" in record.result.data
            if lost and tag not in self._marked:
                raise Violation(f"{record.task_id} was given up although nobody had started it")
            if self._is_final(record.task_id):
                raise Violation(f"{record.task_id} ended as {record.state} after it had ended")
            self.committed[record.task_id].append(record.state)
        if isinstance(settlement.disposition, Done | DeadLetter):
            self.ended[tag] += 1
            if self.ended[tag] > 1:
                raise Violation(f"delivery {tag} ended twice")
        else:
            self._marked.discard(tag)

    def _is_final(self, task_id: str) -> bool:
        return any(state in states.READY_STATES for state in self.committed[task_id])

    def all_ended(self) -> bool:
        return self.ended.total() >= self.accepted.total()
