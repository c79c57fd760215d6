"""The bus port: what is said to everybody who listens (remote control, events), and replies.

Delivery is at most once, to those subscribed at the time; nothing is kept for absent ones.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from ..domain.cluster.speech import BusMessage, ReplyAddress, Topic
from ..domain.messaging.payload import Payload


class Subscription(Protocol):
    """An ear on some topics; made by Bus.subscribe, to be closed."""

    @abstractmethod
    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return what was said, in the order it was said, each once.

        Blocks up to `wait` seconds for the first; empty when nothing came. Bodies that cannot be
        read are passed over. Raises BrokerUnavailable while the store is away; calling again
        resumes.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop listening and make a blocked `receive` return; idempotent."""


class Mailbox(Subscription, Protocol):
    """A private place for replies: what `reply` sends to its address is received here only."""

    @property
    @abstractmethod
    def address(self) -> ReplyAddress:
        """What a request says as its `reply_to`."""


class Bodies(Protocol):
    """How bodies become bytes, as the settings of the site say."""

    @abstractmethod
    def encode(self, message: BusMessage) -> Payload:
        """Return the body of a message as bytes. Raises EncodeError."""

    @abstractmethod
    def decode(self, payload: Payload) -> Any:
        """Return a body. Raises ContentDisallowed for a type that is not accepted, DecodeError."""


class Bus(Protocol):
    """Says things to all who listen."""

    #: How bodies travel where Celery's processes listen too; None: as JSON.
    bodies: Bodies | None = None

    #: Whether each message is a write to disk: workers then say nothing they were not asked for.
    is_costly: ClassVar[bool] = False

    #: Whether anybody hears what is said; without, this is what stands for a bus where none is.
    carries: ClassVar[bool] = True

    @abstractmethod
    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Say messages, each on its channel, in this order. Raises BrokerUnavailable.

        Where a channel is an exchange it is declared as `exchange_of` says.
        """

    @abstractmethod
    def subscribe(self, topics: Sequence[Topic]) -> Subscription:
        """Listen: everything said on these topics after this returned is received."""

    @abstractmethod
    def open_mailbox(self, exchange: str) -> Mailbox:
        """Return a new mailbox on a direct exchange such as `reply.celery.pidbox`."""

    @abstractmethod
    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Send messages to one mailbox; their channel and key become those of the address.

        A mailbox that is gone receives nothing, which is no error. Raises BrokerUnavailable.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections, close subscriptions and mailboxes made here; idempotent."""
