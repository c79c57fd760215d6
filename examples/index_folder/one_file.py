"""What is to be known of one file. Nothing here knows of tasks."""

import ast
import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

#: A file with a zero byte among its first ones is no text, in bytes.
HEAD: Final = 8192
CHUNK: Final = 1 << 20

Kind = Literal["python", "text", "binary", "empty"]


@dataclass(frozen=True, slots=True)
class Facts:
    """A file in figures. What its kind has none of is zero."""

    kind: Kind
    size: int
    sha256: str
    lines: int = 0
    words: int = 0
    functions: int = 0
    classes: int = 0


def facts_of(path: str) -> Facts:
    """Read a file. Raises OSError if it cannot be, SyntaxError for Python that is none."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        if not head:
            return Facts("empty", 0, hashlib.sha256().hexdigest())
        if Path(path).suffix == ".py":
            return _python(file.read())
        return _binary(file) if b"\0" in head else _text(file)


def _python(source: bytes) -> Facts:
    with warnings.catch_warnings():
        # What a file's own author is warned of does not concern the one who indexes it.
        warnings.simplefilter("ignore")
        nodes = list(ast.walk(ast.parse(source)))
    return Facts(
        "python",
        len(source),
        hashlib.sha256(source).hexdigest(),
        lines=len(source.splitlines()),
        words=len(source.split()),
        functions=sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in nodes),
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
    )


def _text(file: BinaryIO) -> Facts:
    # Words are counted in bytes: white space is the same in every encoding that has no zero bytes.
    digest = hashlib.sha256()
    size = lines = words = 0
    for line in file:
        digest.update(line)
        size, lines, words = size + len(line), lines + 1, words + len(line.split())
    return Facts("text", size, digest.hexdigest(), lines, words)


def _binary(file: BinaryIO) -> Facts:
    digest = hashlib.sha256()
    size = 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return Facts("binary", size, digest.hexdigest())
