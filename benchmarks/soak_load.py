"""The calls of benchmarks.soak, and the account of each."""

import json
import random
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from celeriac import chain, chord

from .peers import soak as peer

#: What part of all tasks is of each kind, and how many tasks one call of it is.
KINDS = {
    "plain": (0.62, 1),
    "limited": (0.10, 1),
    "retried": (0.05, 1),
    "failing": (0.05, 1),
    "due soon": (0.05, 1),
    "chain": (0.06, 3),
    "chord": (0.06, 6),
    "revoked": (0.01, 1),
}
#: Seconds: until tasks are due, until revoked ones would be, and for a call's result to be there.
SOON, LATER, PATIENCE = (1.0, 5.0), 10.0, 240.0
#: Results are looked for this many seconds after the call, and then as often.
PAUSE = 5.0
TEXT = "some text that the task returns; " * 20


@dataclass(slots=True)
class Call:
    """One call: what its result is to be, and how often its tasks are to be begun."""

    kind: str
    first: int
    id: str = ""
    sent: float = 0.0

    @property
    def state(self) -> str:
        """What its result's state is to be."""
        return {"failing": "FAILURE", "revoked": "REVOKED"}.get(self.kind, "SUCCESS")

    @property
    def value(self) -> Any:
        """What it is to return, None if that is nothing."""
        values = {"plain": TEXT, "due soon": "", "chain": 3, "chord": 5}
        return values.get(self.kind, self.first if self.state == "SUCCESS" else None)

    @property
    def begun(self) -> list[int]:
        """How often each of its tasks is to be begun."""
        return [{"revoked": 0, "retried": 2}.get(self.kind, 1)] * KINDS[self.kind][1]


class Load:
    """Sends calls of all kinds, and looks whether each came to the end it should."""

    def __init__(self, tasks: int, seed: int) -> None:
        self._tasks, self._chance = tasks, random.Random(seed)
        self._sent, self._answers = 0, 0
        self._kinds: Counter[str] = Counter()
        self._open: deque[Call] = deque()
        self._wrong: list[str] = []
        self._ledger = peer.ledger()

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._kinds.items()))
        return f"{self._sent} tasks sent ({kinds}), {len(self._open)} open, {self._answers} answers"

    def until_ready(self) -> None:
        """Wait until the worker answers."""
        ends = time.monotonic() + 60
        while not peer.app.control.ping(timeout=1):
            if time.monotonic() > ends:
                raise TimeoutError("the worker does not answer")

    def send_until(self, part: float) -> None:
        """Send so much of all there is to send."""
        calls = []
        while self._sent < int(self._tasks * part):
            calls.append(self._next())
        if not calls:
            return
        results = peer.app.publish_many(map(self._signature, calls))
        now = time.monotonic()
        for call, result in zip(calls, results, strict=True):
            call.id, call.sent = result.id, now
        if revoked := [call.id for call in calls if call.kind == "revoked"]:
            peer.app.control.revoke(revoked)
        self._open.extend(calls)

    def _next(self) -> Call:
        weights = [share / size for share, size in KINDS.values()]
        kind = self._chance.choices(list(KINDS), weights)[0]
        if self._sent + KINDS[kind][1] > self._tasks:
            kind = "plain"
        call = Call(kind, self._sent)
        self._kinds[kind] += 1
        self._sent += KINDS[kind][1]
        return call

    def _signature(self, call: Call) -> Any:
        first = call.first
        match call.kind:
            case "plain":
                return peer.plain.s(first, TEXT)
            case "limited":
                return peer.limited.s(first)
            case "retried":
                return peer.retried.s(first)
            case "failing":
                return peer.failing.s(first)
            case "due soon":
                return peer.plain.s(first).set(countdown=self._chance.uniform(*SOON))
            case "chain":
                return chain(peer.step.s(0, first), peer.step.s(first + 1), peer.step.s(first + 2))
            case "chord":
                header = [peer.step.s(0, first + n) for n in range(5)]
                return chord(header, peer.total.s(first + 5))
            case _:
                return peer.plain.s(first).set(countdown=LATER)

    def command(self) -> None:
        """Ask the worker something, as a monitor does."""
        self._answers += bool(peer.app.control.inspect(limit=1, timeout=5).stats())

    # -- the account ---------------------------------------------------------------------------

    def account(self) -> None:
        """Look at the results of calls that were sent some seconds ago."""
        now, calls = time.monotonic(), []
        while self._open and self._open[0].sent < now - PAUSE and len(calls) < 1000:
            calls.append(self._open.popleft())
        records = peer.app.results.fetch([call.id for call in calls]) if calls else []
        late = []
        for call, record in zip(calls, records, strict=True):
            if record is not None and record.ready:
                self._check(call, record)
            elif now - call.sent > PATIENCE:
                state = record.state if record else "no result"
                self._wrong.append(f"{call}: {state} after {PATIENCE} s")
            else:
                late.append(call)
        self._open.extend(late)

    def _check(self, call: Call, record: Any) -> None:
        value = json.loads(record.result.data) if record.state == "SUCCESS" else None
        begun = list(self._ledger[call.first : call.first + len(call.begun)])
        if (record.state, value, begun) != (call.state, call.value, call.begun):
            self._wrong.append(f"{call}: {record.state} {value!r:.40}, begun {begun}")

    def end(self, patience: float) -> None:
        """Wait until all calls have come to their end."""
        self.send_until(1.0)
        ends = time.monotonic() + PATIENCE + patience
        while self._open and time.monotonic() < ends:
            time.sleep(0.2)
            self.account()

    def wrong(self) -> list[str]:
        """Say what did not come to the end it should."""
        again = sum(self._ledger[:]) - sum(
            count * KINDS[kind][1] * {"revoked": 0, "retried": 2}.get(kind, 1)
            for kind, count in self._kinds.items()
        )
        extra = [f"tasks begun more often than they should, in all: {again}"] if again else []
        return [*self._wrong, *map(str, self._open), *extra]
