"""YAML: what JSON lacks in dates, sets and bytes, in a form that people can read.

Only its safe subset is written and read: no tag of a sender's choice makes an object here.
"""

from typing import Any

from ...domain.errors import DecodeError, EncodeError, MissingExtra
from ...ports.codec import Serializer

try:
    import yaml
except ImportError as missing:
    raise MissingExtra("serializer 'yaml'", "yaml", "PyYAML") from missing


class YamlSerializer(Serializer):
    """As Celery writes it. Tuples become lists; decimals and UUIDs are refused."""

    name = "yaml"
    content_type = "application/x-yaml"
    content_encoding = "utf-8"

    def dumps(self, value: Any) -> bytes:
        """Encode as UTF-8."""
        try:
            text: str = yaml.safe_dump(value)
            return text.encode("utf-8")
        except Exception as broken:  # a property of a stranger's object may raise anything
            raise EncodeError(f"cannot encode as YAML: {_named(broken)}") from broken

    def loads(self, data: bytes) -> Any:
        """Decode, with the loader in Python: the one in C ends the process at deep nesting."""
        if not data.strip():  # which YAML takes for null
            raise DecodeError("not YAML: there is nothing")
        try:
            return yaml.safe_load(data)
        except Exception as broken:
            raise DecodeError(f"not YAML: {broken}") from broken


def _named(broken: Exception) -> str:
    """Return what is wrong, with the type that has no place in YAML, if that is it."""
    if isinstance(broken, yaml.representer.RepresenterError) and len(broken.args) == 2:
        kind = type(broken.args[1])
        return f"a {kind.__module__}.{kind.__qualname__} is not YAML"
    return str(broken)
