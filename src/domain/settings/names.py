"""The spellings of settings: today's names, Celery's old ones, and what a wrong one may have meant.

What must stay true: one source speaks one language. Old and new names may stand together only
where each is given in both, else nobody could say which of two is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import MixedSpellings, UnknownSetting
from .options import DEFAULTS, TABLE

NEW_TO_OLD: dict[str, str] = {row[0]: row[3] for row in TABLE if row[3]}
OLD_TO_NEW: dict[str, str] = {old: new for new, old in NEW_TO_OLD.items()}

# An unknown name that begins so is ours, misspelled; others may be the user's own.
OUR_PREFIXES = (
    "beat_",
    "broker_",
    "celery",
    "celeriac_",
    "control_",
    "event_",
    "result_",
    "task_",
    "worker_",
)

# Names that published companions (celery-once, celery-singleton, RedBeat, flower, the Django
# packages, schedulers over SQLAlchemy and MongoDB) keep in the same configuration.
COMPANIONS = (
    *("once", "singleton_", "redbeat_", "flower_", "django_"),
    *("beat_dburi", "beat_schema", "beat_engine_options", "mongodb_scheduler_"),
    # Celery's fixup for Django looks for it in this spelling.
    *("db_reuse_max", "celery_db_reuse_max"),
)

SURELY_MEANT = 0.8  # likeness from which an own-looking name is taken for a slip
PERHAPS_MEANT = 0.6  # likeness from which a name is worth suggesting


def canonical(name: str) -> str | None:
    """Today's name of a setting in either spelling, or None."""
    return name if name in DEFAULTS else OLD_TO_NEW.get(name)


def is_companion(name: str) -> bool:
    """Whether a known companion package keeps its configuration under that name."""
    return name.lower().startswith(COMPANIONS)


def may_be_own(name: str) -> bool:
    """Whether an unknown name can be the user's own: unlike any of ours."""
    if is_companion(name):
        return True
    return not name.lower().startswith(OUR_PREFIXES) and not nearest(name, likeness=SURELY_MEANT)


def nearest(name: str, likeness: float = PERHAPS_MEANT, at_most: int = 3) -> tuple[str, ...]:
    """Names that may have been meant, best first, in the language the name is written in."""
    from difflib import get_close_matches

    known = OLD_TO_NEW if name.isupper() else DEFAULTS
    surely = get_close_matches(name, known, n=1, cutoff=max(likeness, SURELY_MEANT))
    return tuple(surely or get_close_matches(name, known, n=at_most, cutoff=likeness))


def question(name: str) -> str:
    """The nearest right names as the end of a message; empty where none is near."""
    plain = name.removeprefix("CELERY_").lower()
    meant = (plain,) if plain in DEFAULTS and plain != name else nearest(name)
    return f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""


def unknown(name: str, hint: str = "") -> UnknownSetting:
    """The refusal of an unknown name, with the nearest right ones."""
    advice = f" ({hint})" if hint else ""
    return UnknownSetting(f"unknown setting {name!r}{question(name)}{advice}")


def refuse_mixed(names: Iterable[str]) -> None:
    """Raise MixedSpellings if one source uses old names and new ones."""
    given = frozenset(names)
    old = sorted(name for name in given if name in OLD_TO_NEW)
    new = sorted(name for name in given if name in DEFAULTS)
    lone_old = [name for name in old if OLD_TO_NEW[name] not in given]
    lone_new = [name for name in new if NEW_TO_OLD.get(name) not in given]
    strangers = lone_new if len(old) > len(new) else lone_old
    if not (old and new and strangers):
        return
    fixes = "; ".join(
        f"write {OLD_TO_NEW.get(name) or NEW_TO_OLD.get(name) or name!r} for {name!r}"
        for name in strangers
    )
    others = old if strangers is lone_new else new
    raise MixedSpellings(
        f"old and new setting names in one place: {_listed(strangers)} beside {_listed(others)}; "
        f"{fixes}, or rename all to the new form"
    )


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values under today's names; where both spellings are given, the new one counts."""
    old = {OLD_TO_NEW[name]: value for name, value in values.items() if name in OLD_TO_NEW}
    return old | {name: value for name, value in values.items() if name not in OLD_TO_NEW}


def _listed(names: list[str], at_most: int = 3) -> str:
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
