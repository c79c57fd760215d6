"""Settings as people read them, without what they must not read.

What must stay true: nothing that comes out of here holds a password, a key or a token, wherever in
a value it hides: in a secret setting, in a URL, in an entry of a mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .options import SECRETS

MASK = "********"
SECRET_WORDS = re.compile(r"(?i)passw|passphrase|secret|token|api_?key|access_?key|cred")
URL_PASSWORD = re.compile(r"(?i)(?P<head>[a-z][a-z0-9+.\-]*://[^/?#;,\s:]*):[^;\s]*@")
QUERY_SECRET = re.compile(r"(?i)(?P<head>[?&](?:password|passwd|token|secret)=)[^&;#\s]*")


def mask_url(url: str) -> str:
    """A URL, or several separated by semicolons, without the passwords in it."""
    without = URL_PASSWORD.sub(rf"\g<head>:{MASK}@", url)
    return QUERY_SECRET.sub(rf"\g<head>{MASK}", without)


def masked(name: str, value: Any) -> Any:
    """The value of a setting, or of an entry in one, as it may be shown."""
    if value is None:
        return None
    if name in SECRETS or (SECRET_WORDS.search(name) and not isinstance(value, bool)):
        return MASK
    return _masked_within(value)


def humanize(values: Mapping[str, Any]) -> str:
    """One line a setting."""
    return "\n".join(f"{name}: {value!r}" for name, value in values.items())


def _masked_within(value: Any) -> Any:
    match value:
        case str():
            return mask_url(value)
        case Mapping():
            return {key: masked(str(key), entry) for key, entry in value.items()}
        case list():
            return [_masked_within(entry) for entry in value]
        case tuple():
            return tuple(_masked_within(entry) for entry in value)
        case _:
            return value
