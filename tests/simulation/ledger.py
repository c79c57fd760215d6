"""What a simulation knows by watching, kept apart from what the store says of itself.

It follows every delivery from publication to its end by the calls that are made, so that a store
which lets a stale owner commit, or forgets a message, is found out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from celeriac.domain.messaging.delivery import Delivery, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks import states
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import DeadLetter, Disposition, Done, Relay, Settlement

#: One attempt at one task: its id, and how many attempts came before.
Attempt = tuple[str, int]
#: What a replacement adds to that: it has the id of what it replaces. More than any task retries.
REPLACED = 1000
Tag = str | int


def attempt_of(message: TaskMessage) -> Attempt:
    replaced = int(message.headers.get("replaced_task_nesting") or 0)
    return message.id, message.retries + REPLACED * replaced


class Ledger:
    """Who owns what, what was accepted, begun, committed and ended; and a trace of it all."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        #: What was found wrong: noted, since raised in a worker it would be handled as a fault.
        self.wrong: list[str] = []
        self.accepted: Counter[Attempt] = Counter()
        self.tasks: dict[str, str] = {}
        self.ticks: defaultdict[str, set[str]] = defaultdict(set)
        self.begun: Counter[Attempt] = Counter()
        self.ended: Counter[Tag] = Counter()
        self.committed: defaultdict[str, list[str]] = defaultdict(list)
        self._owners: dict[Tag, tuple[str, Token]] = {}
        self._of: dict[Tag, str] = {}
        self._marked: set[Tag] = set()
        self._links: dict[Tag, int] = {}
        #: What was begun under which name, accepted or not.
        self.ran_as: dict[str, str] = {}

    def note(self, line: str) -> None:
        self.trace.append(line)

    def published(self, messages: Iterable[TaskMessage]) -> None:
        for message in messages:
            self.accepted[attempt_of(message)] += 1
            self.tasks[message.id] = message.task
            self.note(f"published {message.task} {message.id} {message.retries}")
            if "celeriac_beat_due" in message.headers:
                entry = message.headers["celeriac_beat_entry"]
                self.ticks[f"{entry}@{message.headers['celeriac_beat_due']}"].add(message.id)

    def claimed(self, node: str, items: Iterable[Delivery | Undecodable]) -> None:
        for item in items:
            self._owners[item.token.tag] = node, item.token
            if isinstance(item, Delivery):
                self._of[item.token.tag] = item.message.id
            self._links.pop(item.token.tag, None)
            self.note(f"{node} owns {item.token.tag}")

    def marked(self, node: str, tokens: Sequence[Token], valid: Sequence[bool]) -> None:
        for token, is_valid in zip(tokens, valid, strict=True):
            self.note(f"{node} {'marks' if is_valid else 'may not mark'} {token.tag}")
            if is_valid:
                self._marked.add(token.tag)

    def returned(self, node: str, tags: Iterable[Tag]) -> None:
        """What a worker still held when it left in order counts as never started."""
        for tag in tags:
            self.note(f"{node} returns {tag}")
            self._marked.discard(tag)

    def ran(self, node: str, message: TaskMessage) -> None:
        self.begun[attempt_of(message)] += 1
        self.ran_as[message.id] = message.task
        self.note(f"{node} runs {message.task} {message.id} {message.retries}")

    def disposed(
        self, node: str, settled: Sequence[tuple[Token, Disposition]], done: Sequence[bool]
    ) -> None:
        """Deliveries were brought to their end, or not."""
        for (token, disposition), is_done in zip(settled, done, strict=True):
            word = "settles" if is_done else "may not settle"
            self.note(f"{node} {word} {token.tag} {disposition}")
            if is_done:
                self._dispose(node, token, disposition)

    def committed_whole(
        self, node: str, settlements: Sequence[Settlement], done: Sequence[bool]
    ) -> None:
        """Settlements were committed, each in one step with all it brings about."""
        for settlement, is_done in zip(settlements, done, strict=True):
            if not is_done:
                self.note(f"{node} may not commit {settlement.token.tag}")
                continue
            tag, relay = settlement.token.tag, settlement.relay
            if relay is not None and relay.number <= self._links.get(tag, 0):
                self.note(f"late word of link {relay.number} of {tag}")
                continue
            for record in settlement.results:
                self._store(tag, record)
            if relay is not None:
                self._relayed(tag, relay)

    def _relayed(self, tag: Tag, relay: Relay) -> None:
        """A delivery is one of another message now: the one before has come to its end."""
        self._links[tag] = relay.number
        self.published([relay.message])
        self._of[tag] = relay.message.id
        self.ended[f"{tag}, before link {relay.number}"] += 1

    def all_ended(self) -> bool:
        return self.ended.total() >= self.accepted.total()

    def _dispose(self, node: str, token: Token, disposition: Disposition) -> None:
        if self._owners.pop(token.tag, None) != (node, token):
            self.wrong.append(f"{node} settled {token}, but is not its owner")
        if not isinstance(disposition, Done | DeadLetter):
            self._marked.discard(token.tag)
            return
        self.ended[token.tag] += 1
        if self.ended[token.tag] > 1:
            self.wrong.append(f"delivery {token.tag} ended twice")

    def _store(self, tag: Tag, record: ResultRecord) -> None:
        id_, earlier = record.task_id, self.committed[record.task_id]
        gave_up = record.result is not None and b"WorkerLostError" in record.result.data
        # What comes after it in a work-flow is given up with it, and was never sent.
        if gave_up and tag not in self._marked and self._of.get(tag) == id_:
            self.wrong.append(f"{id_} was given up although nobody had started it")
        if states.READY_STATES.intersection(earlier) and self.accepted[id_, 0] < 2:
            self.wrong.append(f"{id_} ended as {record.state} after it had been {earlier}")
        earlier.append(record.state)
