"""The broker on SQS, as moto plays it: a prefix of names for each test.

Messages that wait do so in moto, in this process: its times are moved with the clock.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode

from .filesystem import VirtualPlace

REGION = "eu-west-1"
#: moto's account where nobody says another.
ACCOUNT = "123456789012"


class SqsPlace(VirtualPlace):
    bears_crowds = False

    def __init__(self, url):
        self.prefix = f"test-{secrets.token_hex(6)}-"
        self.url = f"sqs://key:secret@{url.removeprefix('http://')}"
        super().__init__(
            {"region": REGION, "queue_name_prefix": self.prefix, "wait_time_seconds": 2}
        )

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("moto_url"))

    def close(self):
        super().close()
        backend = self._backend()
        for name in [name for name in backend.queues if name.startswith(self.prefix)]:
            del backend.queues[name]

    def advance(self, seconds):
        for message in self._messages():
            message.visible_at -= seconds * 1000
            message.delayed_until -= seconds * 1000
        super().advance(seconds)

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        for message in self._messages():
            if f'"id": "{task_id}"'.encode() in _decoded(message.body):
                message.body = b64encode(raw).decode()
        return raw

    def _messages(self):
        queues = self._backend().queues
        return [
            message
            for name, queue in tuple(queues.items())
            if name.startswith(self.prefix)
            for message in tuple(queue._messages)
        ]

    def _backend(self):
        from moto.sqs.models import sqs_backends

        return sqs_backends[ACCOUNT][REGION]


def _decoded(body):
    return b64decode(body)
