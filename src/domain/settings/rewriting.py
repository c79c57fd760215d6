"""Text that names settings, rewritten from their old spellings to today's.

What must stay true: only whole words that are old names change; nothing else does, not a letter.
"""

import re

from .names import OLD_TO_NEW

#: What names of settings begin with in a Django project.
NAMESPACE = "CELERY_"

_WORD = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]*(?![A-Za-z0-9_])")


def rewritten(text: str, *, prefix: str = "") -> str:
    """Return a text with today's names in place of old ones.

    With a prefix they are written as `namespace="CELERY"` has them read: `CELERY_TASK_SERIALIZER`.
    Names that are right already stay: of `CELERY_RESULT_BACKEND`, both old and prefixed, nothing is
    changed then.
    """

    def replaced(found: re.Match[str]) -> str:
        new = OLD_TO_NEW.get(found[0])
        if new is None:
            return found[0]
        return f"{prefix}{new.upper()}" if prefix else new

    return _WORD.sub(replaced, text)
