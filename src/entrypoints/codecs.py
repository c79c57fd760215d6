"""Which serializers and compressions an app's settings ask for."""

from __future__ import annotations

from collections.abc import Iterable

from ..application.bus_bodies import CodedBodies
from ..application.encoding import SerializerCodec
from ..application.signed import SignedSerializer
from ..domain.errors import ImproperlyConfigured
from ..domain.settings import Settings
from ..ports.codec import Compressor, Serializer
from .adapter_table import COMPRESSORS, HOST_CLOCK, SERIALIZERS, SIGNER, load

_SIGNED = (SignedSerializer.name, SignedSerializer.content_type)


def find_serializer(name: str) -> Serializer | None:
    """Return the serializer of a name or content type. Raises MissingExtra without its library.

    `auth` is not among them: it is made of keys, which settings name.
    """
    path = SERIALIZERS.get(name)
    return None if path is None else load(path)()


def find_compressor(name: str) -> Compressor | None:
    """Return the compressor of a name or content type. Raises MissingExtra without its library."""
    path = COMPRESSORS.get(name)
    return None if path is None else load(path)()


def make_codec(settings: Settings) -> SerializerCodec:
    """Return the codec of task messages.

    Raises ImproperlyConfigured for a name in `accept_content` that is no serializer's or a
    `task_compression` that is none, and for keys that cannot be used; MissingExtra for what needs
    a library that is not installed.
    """
    accept = _known("accept_content", settings.accept_content or ["json"])
    _check_compression("task_compression", settings.task_compression)
    find = SerializersOf(settings)
    return SerializerCodec(find, settings.task_serializer, accept, find_compressor)


def make_result_codec(settings: Settings) -> SerializerCodec:
    """Return the codec of results. Raises as `make_codec` does."""
    if settings.result_accept_content:
        accept = _known("result_accept_content", settings.result_accept_content)
    else:
        accept = _known("accept_content", settings.accept_content or ["json"])
    _check_compression("result_compression", settings.result_compression)
    writes = settings.result_serializer
    find = SerializersOf(settings)
    return SerializerCodec(find, writes, {*accept, writes}, find_compressor)


def make_bodies(settings: Settings) -> CodedBodies | None:
    """Return how what is said on the bus travels; None: as JSON. Raises as `make_codec` does."""
    accept = set(_known("accept_content", settings.accept_content or ["json"]))
    written = {settings.task_serializer, settings.event_serializer}
    if written | accept <= {"json", "application/json"}:
        return None
    codec = SerializerCodec(
        SerializersOf(settings),
        settings.task_serializer,
        {*accept, settings.event_serializer, "json"},
        find_compressor,
    )
    return CodedBodies(codec, settings.task_serializer, settings.event_serializer)


class SerializersOf:
    """Finds serializers, the signed one included, which is made once of what the settings name."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before it is asked for."""
        self._settings = settings
        self._signed: Serializer | None = None

    def __call__(self, name: str) -> Serializer | None:
        """Return the serializer of a name or content type."""
        if name not in _SIGNED:
            return find_serializer(name)
        if self._signed is None:
            self._signed = self._make_signed()
        return self._signed

    def _make_signed(self) -> Serializer:
        said = self._settings
        inside = said.security_serializer
        writer = find_serializer(inside)
        if writer is None:
            raise ImproperlyConfigured(
                f"security_serializer={inside!r}: expected one of {_listed(SERIALIZERS)}"
            )
        allowed = _known(
            "security_allowed_serializers", self._settings.security_allowed_serializers
        )
        signer = load(SIGNER)(self._settings, clock=load(HOST_CLOCK)())
        return SignedSerializer(signer, writer, find_serializer, allowed)


def _known(setting: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    for name in names:
        if name not in SERIALIZERS and name not in _SIGNED:
            raise ImproperlyConfigured(
                f"{setting} has {name!r}: expected the names or content types of serializers; "
                f"known: {_listed((*SERIALIZERS, *_SIGNED))}"
            )
    return names


def _check_compression(setting: str, name: str | None) -> None:
    if name and find_compressor(name) is None:
        raise ImproperlyConfigured(
            f"{setting}={name!r}: expected a compression; known: {_listed(COMPRESSORS)}"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(name for name in names if "/" not in name))
