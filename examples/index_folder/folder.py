"""Which files of a folder are indexed, and what the index of all of them says."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .one_file import Facts

#: Folders that hold no work of the folder's owner.
SKIPPED: Final = frozenset({"__pycache__", ".git", "site-packages", "dist-packages"})


def files_of(folder: Path, refused: Callable[[OSError], object]) -> Iterator[str]:
    """Yield the regular files below a folder, in a fixed order; links are not followed.

    `refused` is called for each folder that cannot be listed.
    """
    for place, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            path = os.path.join(place, name)
            # A link may lead out of the folder, and a pipe would be read without end.
            if not os.path.islink(path) and os.path.isfile(path):
                yield path


@dataclass(frozen=True, slots=True)
class Index:
    """All files of a folder in figures."""

    kinds: Mapping[str, int]
    size: int
    lines: int
    words: int
    functions: int
    classes: int
    largest: tuple[tuple[str, int], ...]
    duplicates: tuple[tuple[str, ...], ...]
    spare: int

    @property
    def files(self) -> int:
        """How many files were read."""
        return sum(self.kinds.values())


def index_of(known: Mapping[str, Facts], largest: int = 5) -> Index:
    """Add up what is known of files. Of duplicates those that take most room come first."""
    alike: dict[str, list[str]] = defaultdict(list)
    for path, facts in known.items():
        if facts.size:
            alike[facts.sha256].append(path)
    duplicates = sorted(
        (tuple(sorted(paths)) for paths in alike.values() if len(paths) > 1),
        key=lambda paths: (-len(paths) * known[paths[0]].size, paths),
    )
    by_size = sorted(known.items(), key=lambda item: (-item[1].size, item[0]))
    every = known.values()
    return Index(
        kinds=dict(sorted(Counter(each.kind for each in every).items())),
        size=sum(each.size for each in every),
        lines=sum(each.lines for each in every),
        words=sum(each.words for each in every),
        functions=sum(each.functions for each in every),
        classes=sum(each.classes for each in every),
        largest=tuple((path, each.size) for path, each in by_size[:largest]),
        duplicates=tuple(duplicates),
        spare=sum((len(paths) - 1) * known[paths[0]].size for paths in duplicates),
    )
