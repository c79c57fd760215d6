"""The replies port: documents carried by the broker straight back to who asked for them.

Each reader has an address of its own, which senders know. What is sent to an address that nobody
has opened is lost, or waits there until it is.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.messaging.payload import Payload


@dataclass(frozen=True, slots=True)
class Letter:
    """An encoded document on its way; `about` is the id of the task it is about."""

    address: str
    about: str
    document: Payload


class Replies(Protocol):
    """Sends to any address, and receives at one. All methods may be called from several threads."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The broker it goes by, for banners and logs; passwords are masked."""

    @abstractmethod
    def open(self, address: str, expires: float | None) -> None:
        """Receive at this address from now on; opening it again does nothing.

        What nobody fetches is dropped after `expires` seconds, if the store can. Raises
        BrokerUnavailable.
        """

    @abstractmethod
    def send(self, letters: Sequence[Letter]) -> None:
        """Send letters; confirmed when it returns. Raises BrokerUnavailable: send them again."""

    @abstractmethod
    def receive(self, wait: float) -> Sequence[Payload]:
        """Return what came to the open address, each once, waiting up to `wait` s for the first.

        Raises BrokerUnavailable while the store is away; calling again resumes.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop receiving, and leave nothing behind; idempotent."""
