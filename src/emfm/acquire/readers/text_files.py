"""Text files of any common encoding and line end, as bytes that end each line with a line feed."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from emfm.core.errors import DataError

_WIDE_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FIRST_BYTES: Final = (0xEF, 0xFE, 0xFF, 0x00)
"""One of them begins a text with a mark, or one whose characters have several bytes."""


def as_lines(path: Path, content: bytes) -> bytes:
    """The text ``content`` of the file ``path``, without a byte order mark and with line feeds for carriage returns.

    Text of UTF-16 and UTF-32 becomes UTF-8, else bytes stay as they are, as do line ends of carriage return and line
    feed. Raises DataError where the text is not what its first bytes say.
    """
    if content[:1] and (content[0] in _FIRST_BYTES or content[1:2] == b"\0"):
        encoding = _wide_encoding(content)
        if encoding:
            try:
                content = content.decode(encoding).encode()
            except UnicodeError as error:
                raise _undecodable(path, encoding, error) from error
        content = content.removeprefix(codecs.BOM_UTF8)
    if _ends_with_returns(content):
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def read_lines(path: Path, longest: int) -> Iterator[bytes]:
    """The lines of a text file as `as_lines` gives them, one after another; a line beyond ``longest`` in parts.

    Raises DataError as `as_lines` does.
    """
    with path.open("rb") as stream:
        start = stream.read(longest)
        encoding = _wide_encoding(start)
        stream.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
        if not encoding and not _ends_with_returns(start):
            while line := stream.readline(longest):
                yield line
            return
        with io.TextIOWrapper(stream, encoding or "latin-1", newline=None) as text:
            try:
                while characters := text.readline(longest):
                    yield characters.encode("utf-8" if encoding else "latin-1")
            except UnicodeError as error:
                raise _undecodable(path, str(encoding), error) from error


def text_of(line: bytes) -> str:
    """A line as text: UTF-8, or Latin-1 for programs that know no UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _wide_encoding(start: bytes) -> str | None:
    """The encoding of a text whose characters have several bytes each, None for another."""
    for mark, encoding in _WIDE_MARKS:
        if start.startswith(mark):
            return encoding
    if len(start) < 2 or (start[0] == 0) == (start[1] == 0):
        return None
    return "utf-16-be" if start[0] == 0 else "utf-16-le"


def _ends_with_returns(text: bytes) -> bool:
    """Whether lines end with a carriage return alone, as those of old Macs do, judged by the first one."""
    end = text.find(b"\n")
    first = text if end < 0 else text[:end]
    return b"\r" in (first if end < 0 else first.rstrip(b"\r"))


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> DataError:
    return DataError(f"{path}: begins as {encoding.upper()} text, but goes on otherwise ({error}); save it as UTF-8")
