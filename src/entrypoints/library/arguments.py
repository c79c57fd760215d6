"""What a function can be called with, checked cheaply before a call is sent."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """The parameters of a function: how many positional ones at least and at most."""

    __slots__ = ("_needs_keywords", "_signature", "least", "most")

    def __init__(self, function: Callable[..., Any]) -> None:
        """Look at the function once."""
        self._signature: inspect.Signature | None
        try:
            self._signature = inspect.signature(function)
        except (TypeError, ValueError):  # some built-ins do not tell
            self._signature = None
        parameters = list(self._signature.parameters.values()) if self._signature else []
        positional = [p for p in parameters if p.kind in _POSITIONAL]
        self.least = sum(p.default is p.empty for p in positional)
        self.most: float = len(positional)
        self._needs_keywords = any(
            p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters
        )
        if self._signature is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
            self.most = inf

    def misfit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return why the function cannot be called so; None: it can."""
        if not kwargs and not self._needs_keywords and self.least <= len(args) <= self.most:
            return None
        if self._signature is None:
            return None
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as why:
            return str(why)
        return None

    @property
    def names(self) -> Sequence[str] | None:
        """The names of the parameters; None: it takes any, or does not tell."""
        parameters = list(self._signature.parameters.values()) if self._signature else []
        if self._signature is None or any(p.kind is p.VAR_KEYWORD for p in parameters):
            return None
        return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what each parameter gets in a call, defaults too. Raises TypeError."""
        if self._signature is None:
            return kwargs
        found = self._signature.bind(*args, **kwargs)
        found.apply_defaults()
        out = dict(found.arguments)
        for parameter in self._signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                out.update(out.pop(parameter.name))
        return out
