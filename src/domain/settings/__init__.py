"""Every option, its type, its default and its spellings; and the value that holds them."""

from .convert import convert, convert_text
from .names import canonical
from .settings import Settings

__all__ = ["Settings", "canonical", "convert", "convert_text"]
