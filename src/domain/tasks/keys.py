"""Keys of calls: texts that are equal exactly when what they are made of is, in every process."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

#: Characters of a key that is kept as it is; a longer one is kept by its hash.
LONGEST: Final = 100

_PLAIN: Final = (bool, int, float, str, bytes, type(None))
_SPELT: Final = (datetime, date, time, timedelta, Decimal, UUID)


def key_of(value: object) -> str:
    """Return the key of a value: a short text is its own. Raises ValueError."""
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= LONGEST else digest(text)


def digest(text: str) -> str:
    """Return a text of fixed length in place of one of any."""
    from hashlib import sha256  # its libraries are large, and few tasks have such keys

    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def canonical(value: object) -> str:
    """Write a value such that equal ones are written equally.

    A tuple counts as a list: they are the same once they have travelled. Raises ValueError for a
    value that has no such form, as most objects have none.
    """
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, _SPELT):
        return f"{type(value).__name__}({value})"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, set | frozenset):
        return f"{{{','.join(sorted(map(canonical, value)))}}}"
    if isinstance(value, Mapping):
        pairs = sorted((canonical(name), canonical(one)) for name, one in value.items())
        return f"{{{','.join(f'{name}:{one}' for name, one in pairs)}}}"
    raise ValueError(
        f"no key can be made of {type(value).__qualname__} values: expected texts, numbers, "
        "dates, and lists or mappings of them; give a function that returns such a value"
    )


def chosen(names: Sequence[str], arguments: Mapping[str, Any]) -> object:
    """Return the values of these arguments: one as it is, several as a list."""
    found = [arguments.get(name) for name in names]
    return found[0] if len(found) == 1 else found
