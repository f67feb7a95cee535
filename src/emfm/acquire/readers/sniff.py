"""Whether a text file may hold a field at all: lists, notes and tables of other things lie beside scans."""

import codecs
import re
from pathlib import Path
from typing import Final

TEXTS: Final = (".csv", ".txt")
"""Endings that many programs use; the others say what a file is."""
_HEAD: Final = 1 << 16
_MARKS: Final = codecs.BOM_UTF8 + codecs.BOM_UTF16
_FEWEST_NUMBERS: Final = 3
_NUMBER: Final = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eEdD][-+]?\d+)?")
_WORD: Final = re.compile(r"[a-z_]+")
_LINE_END: Final = re.compile(r"[\r\n]+")
_BLANKS: Final = re.compile(r"[\s,]+")
_BLANKS_AND_SEMICOLONS: Final = re.compile(r"[\s;]+")
"""Where ``;`` separates, a comma is a decimal mark."""


def is_no_field(path: Path) -> bool:
    """Whether a ``.csv`` or ``.txt`` file has neither a line that names x and y, nor one of numbers alone.

    An empty file is not called so: it may be a field whose export failed.
    """
    if path.suffix.lower() not in TEXTS:
        return False
    with path.open("rb") as stream:
        start = stream.read(_HEAD).lstrip(_MARKS)
    head = start.replace(b"\0", b"").decode("latin-1")  # what is left of ASCII letters in UTF-16 is these letters
    lines = [line for line in _LINE_END.split(head) if line.strip()]
    return bool(lines) and not any(_names_axes(line) or _holds_numbers(line) for line in lines)


def _names_axes(line: str) -> bool:
    return {"x", "y"} <= set(_WORD.findall(line.casefold()))


def _holds_numbers(line: str) -> bool:
    """Whether a line has three numbers or more and nothing else, separated by blanks, tabs, ``;`` or ``,``."""
    cells = (_BLANKS_AND_SEMICOLONS if ";" in line else _BLANKS).split(line)
    filled = [cell.strip('"') for cell in cells if cell]
    return len(filled) >= _FEWEST_NUMBERS and all(map(_NUMBER.fullmatch, filled))
