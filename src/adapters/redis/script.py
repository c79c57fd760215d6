"""Lua scripts: each one step on the server, and one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from .cluster_client import ClusterClient
from .connecting import driver
from .exchange import exchange


class Script:
    """A Lua script, sent by its digest; the text follows when the server does not know it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it by a redis-py client."""
        unknown = driver().exceptions.NoScriptError
        if isinstance(client, ClusterClient):
            try:
                return client.evalsha(self.digest, len(keys), *keys, *arguments)
            except unknown:
                return client.eval(self.text, len(keys), *keys, *arguments)
        (answer,) = exchange(client, [("EVALSHA", self.digest, len(keys), *keys, *arguments)])
        if isinstance(answer, unknown):
            return client.eval(self.text, len(keys), *keys, *arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run_each(
        self, client: Any, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]
    ) -> list[Any]:
        """Run it several times, sent together."""
        unknown = driver().exceptions.NoScriptError
        answers = self._sent(client, "EVALSHA", self.digest, calls)
        again = [k for k, answer in enumerate(answers) if isinstance(answer, unknown)]
        texts = self._sent(client, "EVAL", self.text, [calls[k] for k in again])
        for k, answer in zip(again, texts, strict=True):
            answers[k] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def run_with(
        self, client: Any, arguments: Sequence[Any], other: Script, others: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run it and then another, sent together; return both answers.

        Raises what went wrong with the first; of the second an exception is returned.
        """
        unknown = driver().exceptions.NoScriptError
        answer, further = exchange(
            client,
            [("EVALSHA", self.digest, 0, *arguments), ("EVALSHA", other.digest, 0, *others)],
        )
        if isinstance(answer, unknown):
            answer = client.eval(self.text, 0, *arguments)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(further, unknown):
            further = client.eval(other.text, 0, *others)
        return answer, further

    @staticmethod
    def _sent(
        client: Any, how: str, what: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]
    ) -> list[Any]:
        if not calls:
            return []
        with client.pipeline(transaction=False) as steps:
            for keys, arguments in calls:
                steps.execute_command(how, what, len(keys), *keys, *arguments)
            return list(steps.execute(raise_on_error=False))
