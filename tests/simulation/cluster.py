"""A whole cluster in one process: workers, beats, clients and a store, in virtual time.

One seeded random.Random chooses at every step what happens next, so that a seed is a history and
replays exactly. When the history is over the faults end, time passes until nothing is left to do,
and what must always be true is looked for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from celeriac.adapters.memory import MemoryResults, VirtualClock
from celeriac.adapters.memory.clock import NOON
from celeriac.adapters.memory.entropy import SeededEntropy
from celeriac.adapters.memory.store import MemoryStore
from celeriac.application.beat import Beat
from celeriac.domain.messaging.message import TaskMessage

from .faults import Faults, FaultyBroker, Killed
from .flows import Flow, drawn
from .ledger import Ledger
from .node import LEASE, Node, sending
from .scheduler import new_beat

KINDS = (
    "plain plain plain late late slow long long_late endless limited limited limited fails "
    "flaky bomb tracked poison unknown garbage chain chain expiring later flow flow"
).split()

#: Steps of the history, and rounds after it until everything must have come to its end.
STEPS = 500
ROUNDS = 1000


class Cluster:
    """The history of one seed."""

    #: What is sent.
    KINDS: Sequence[str] = KINDS
    #: How often broker and results are one store.
    ONE_STORE = 0.7

    def __init__(self, seed: int, *, calm: bool = False, is_one: bool = True) -> None:
        """Begin with two workers and two beats; a `calm` one is as it is told, without faults."""
        self.chance = Random(seed)
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.ledger = Ledger()
        rate = 0.0 if calm else self.chance.choice([0.0, 0.02, 0.1])
        self.faults = Faults(self.chance, self.ledger, rate)
        self.entropy = SeededEntropy(seed)
        self.had_faults = self.faults.rate > 0
        quiet = Faults(self.chance, self.ledger, 0.0)
        #: Whether broker and results are one store, so that settling is one step.
        self.is_one = is_one if calm else self.chance.random() < self.ONE_STORE
        self.results_store = self.store if self.is_one else MemoryStore(self.clock)
        self.client = FaultyBroker(self.store, "client", self.ledger, quiet, brittle=False)
        self.sends = sending(self.client, self.clock, self.entropy)
        self.nodes: list[Node] = []
        #: Who was killed may still have settlements on their way.
        self.everybody: list[Node] = []
        self.made = 0
        self.latest = NOON
        self.chains: list[tuple[str, str]] = []
        self.errbacks: list[tuple[str, str]] = []
        self.garbage: set[str] = set()
        self.flows: list[Flow] = []
        self.beats_made = 0
        self.beats: list[Beat] = []
        with self.no_faults():
            self.beats += [self.new_beat(), self.new_beat()]
            # Entries count from when they were first seen.
            self.beats[0].step()
        self.enlist()
        self.enlist()

    # -- the history

    def live(self) -> None:
        """Let the history happen, then let the cluster come to rest."""
        for _ in range(STEPS):
            self.chance.choices(self.ACTIONS, self.WEIGHTS)[0](self)
        self.come_to_rest()

    def come_to_rest(self) -> None:
        self.ledger.note("-- faults end")
        self.faults.rate = 0.0
        self.faults.cut_off.clear()
        self.let_beats_catch_up()
        self.let_workers_finish()

    def let_workers_finish(self) -> None:
        for _ in range(ROUNDS):
            if self.ledger.all_ended() and all(node.core.idle for node in self.nodes):
                return
            if not self.nodes:
                self.enlist()
            self.pass_time(2.0)
            for node in list(self.nodes):
                self.go_on(node)

    def let_beats_catch_up(self) -> None:
        # The clock may stand before a time at which somebody has looked already.
        self.clock.jump_wall(max(0.0, (self.latest - self.clock.now()).total_seconds()))
        for _ in range(20):
            self.pass_time(1.0)
            for beat in self.beats:
                beat.step()
        self.clock_at_rest = self.clock.now()

    def go_on(self, node: Node) -> None:
        """Let one worker do whatever it can do now."""
        node.paused_until = 0.0
        for _ in range(100):
            node.take_in()
            self.turn(node)
            if not node.step_pool():
                break
        self.turn(node)

    # -- what may happen

    def publish(self) -> None:
        for _ in range(self.chance.choice([1, 1, 3])):
            self.publish_one(self.chance.choice(self.KINDS))

    def publish_one(self, kind: str) -> None:
        self.made += 1
        id_ = f"{kind}-{self.made}"
        options: dict[str, object] = {"task_id": id_}
        task = kind
        match kind:
            case "flow":
                self.send_flow(Flow(id_, drawn(self.chance)))
                return
            case "chain":
                task = self.chance.choice(["plain", "late", "fails"])
                options["chain"] = self.frozen_chain(id_)
            case "expiring":
                task, options["expires"] = "plain", self.chance.choice([1, 20])
            case "later":
                task = self.chance.choice(["plain", "late"])
                options["countdown"] = self.chance.choice([2, 30])
            case "garbage":
                task = "plain"
                self.garbage.add(id_)
        if self.chance.random() < 0.2:
            options["link_error"] = [{"task": "errback", "options": {"task_id": f"{id_}-error"}}]
            self.errbacks.append((id_, f"{id_}-error"))
        self.sends.publish([self.sends.message(task, (), {}, options)])
        if kind == "garbage":
            self.store.corrupt(id_, b"\xff\xfe")

    def send_flow(self, flow: Flow) -> None:
        self.flows.append(flow)
        MemoryResults(self.results_store).open_chords(flow.unfolded.opens)
        calls = flow.unfolded.calls
        self.sends.publish(
            [self.sends.message(one.task, one.args, one.kwargs, one.options) for one in calls]
        )

    def frozen_chain(self, head: str) -> list[dict[str, object]]:
        """Make the rest of a chain, last link first."""
        links: list[dict[str, object]] = []
        before = head
        for number in range(self.chance.choice([1, 3])):
            id_ = f"{head}-link{number}"
            task = self.chance.choice(["plain", "late"])
            links.append({"task": task, "immutable": True, "options": {"task_id": id_}})
            self.chains.append((before, id_))
            before = id_
        return links[::-1]

    def pass_some_time(self) -> None:
        self.pass_time(self.chance.choice([0.01, 0.1, 0.5, 1.0, 4.0]))

    def pass_time(self, seconds: float) -> None:
        """Advance the clock; whoever is not paused keeps its lease."""
        self.clock.advance(seconds)
        for node in list(self.nodes):
            if self.awake(node) and node.keep_due <= self.clock.monotonic():
                self.attempt(node, node.keep)

    def let_a_worker_turn(self) -> None:
        self.with_one(self.turn)

    def let_a_worker_take_in(self) -> None:
        self.with_one(lambda node: self.attempt(node, node.take_in))

    def let_a_job_go_on(self) -> None:
        # A process goes on although its hub is paused.
        if self.nodes:
            self.chance.choice(self.nodes).step_pool()

    def let_a_beat_look(self) -> None:
        index = self.chance.randrange(len(self.beats))
        try:
            self.beats[index].step()
        except Killed:
            self.replace_beat(index)

    def kill_a_worker(self) -> None:
        if self.nodes:
            self.bury(self.chance.choice(self.nodes), "is killed")

    def kill_a_process(self) -> None:
        if self.nodes:
            pool = self.chance.choice(self.nodes).simulated_pool
            pool.kill(self.chance.randrange(len(pool.pids)))

    def resize_a_pool(self) -> None:
        if self.nodes:
            node, by = self.chance.choice(self.nodes), self.chance.choice([-1, 1, 2])
            self.ledger.note(f"the pool of {node.name} is resized by {by}")
            node.simulated_pool.resize(by)

    def kill_a_beat(self) -> None:
        self.replace_beat(self.chance.randrange(len(self.beats)))

    def pause_a_worker(self) -> None:
        if self.nodes:
            node = self.chance.choice(self.nodes)
            node.paused_until = self.clock.monotonic() + self.chance.choice([3.0, 20.0, 60.0])
            self.ledger.note(f"{node.name} pauses until {node.paused_until:.2f}")

    def cut_a_worker_off(self) -> None:
        if self.nodes:
            name = self.chance.choice(self.nodes).name
            if not self.is_one and self.chance.random() < 0.5:
                name = f"{name} (results)"
            self.ledger.note(f"{name} cannot reach the store")
            self.faults.cut_off.add(name)

    def mend_the_network(self) -> None:
        if self.faults.cut_off:
            name = self.chance.choice(sorted(self.faults.cut_off))
            self.ledger.note(f"{name} can reach the store again")
            self.faults.cut_off.discard(name)

    def stop_a_worker(self) -> None:
        if self.nodes:
            node = self.chance.choice(self.nodes)
            self.ledger.note(f"{node.name} is stopped")
            node.stop(cold=self.chance.random() < 0.3)

    def start_a_worker(self) -> None:
        if len(self.nodes) < 3:
            self.enlist()

    def revoke(self) -> None:
        kind = self.chance.choice(self.KINDS)
        id_ = f"{kind}-{self.chance.randint(1, self.made + 1)}"
        if kind == "flow":
            id_ += f"-{self.chance.randint(1, 9)}"
        terminate = self.chance.random() < 0.5
        now, tick = self.clock.now(), self.clock.monotonic()
        self.ledger.note(f"{id_} is revoked, terminate={terminate}")
        for node in self.nodes:
            node.ask(lambda core: core.revoke([id_], now, tick, terminate=terminate))

    def jump(self) -> None:
        self.latest = max(self.latest, self.clock.now())
        seconds = self.chance.choice([-60.0, -5.0, 5.0, 120.0])
        self.ledger.note(f"the wall clock jumps by {seconds}")
        self.clock.jump_wall(seconds)

    def let_a_settlement_arrive(self) -> None:
        for node in self.everybody:
            if node.faulty_settler.on_the_way:
                self.ledger.note(f"a settlement of {node.name} arrives")
                node.faulty_settler.arrive(0)
                return

    ACTIONS: tuple[Callable[["Cluster"], None], ...] = (
        publish,
        pass_some_time,
        let_a_worker_turn,
        let_a_worker_take_in,
        let_a_job_go_on,
        let_a_beat_look,
        kill_a_worker,
        kill_a_process,
        resize_a_pool,
        kill_a_beat,
        pause_a_worker,
        cut_a_worker_off,
        mend_the_network,
        stop_a_worker,
        start_a_worker,
        revoke,
        jump,
        let_a_settlement_arrive,
    )
    WEIGHTS = (15, 30, 60, 20, 60, 5, 1, 2, 1, 0.5, 2, 1, 5, 0.7, 3, 2, 0.5, 4)

    # -- how

    def enlist(self) -> None:
        node = Node(
            f"w{len(self.everybody) + 1}",
            self.store,
            self.results_store,
            self.clock,
            self.entropy,
            self.ledger,
            self.faults,
            slots=self.chance.choice([1, 2, 4]),
            batch=self.chance.choice([1, 3]),
        )
        with self.no_faults():
            node.start()
        node.keep_due = self.clock.monotonic() + LEASE / 3
        self.ledger.note(f"{self.clock.monotonic():.2f} {node.name} enlists")
        self.nodes.append(node)
        self.everybody.append(node)

    def new_beat(self) -> Beat:
        self.beats_made += 1
        name = f"b{self.beats_made}"
        broker = FaultyBroker(self.store, name, self.ledger, self.faults, brittle=True)
        sends = sending(broker, self.clock, self.entropy)
        return new_beat(name, self.store, self.clock, sends, self.faults)

    def replace_beat(self, index: int) -> None:
        self.ledger.note("a beat is killed")
        self.beats[index] = self.new_beat()

    @contextmanager
    def no_faults(self) -> Iterator[None]:
        rate, self.faults.rate = self.faults.rate, 0.0
        yield
        self.faults.rate = rate

    def awake(self, node: Node) -> bool:
        return node.paused_until <= self.clock.monotonic()

    def with_one(self, act: Callable[[Node], None]) -> None:
        awake = [node for node in self.nodes if self.awake(node)]
        if awake:
            act(self.chance.choice(awake))

    def turn(self, node: Node) -> None:
        self.attempt(node, lambda: node.turn(0.0))
        if node in self.nodes and node.is_over():
            self.ledger.note(f"{node.name} leaves")
            self.attempt(node, lambda: node.end([]))
            if node in self.nodes:
                self.nodes.remove(node)

    def attempt(self, node: Node, act: Callable[[], object]) -> None:
        try:
            act()
        except Killed:
            self.bury(node, "dies")

    def bury(self, node: Node, how: str) -> None:
        self.ledger.note(f"{self.clock.monotonic():.2f} {node.name} {how}")
        if node in self.nodes:
            self.nodes.remove(node)

    def waiting(self) -> list[TaskMessage]:
        """Return what the store still holds in its queue."""
        return list(self.client.peek("celery", 100))
