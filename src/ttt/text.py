"""Text files that users and their programs write: in UTF-8, with a byte order mark or without, or in UTF-16."""

import codecs
from typing import Final

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks and what they announce: Excel's "CSV UTF-8", its "Unicode text" and PowerShell's ``>``."""


def decoded(content: bytes) -> str:
    """The text of a file, without its byte order mark; raises UnicodeDecodeError for what is no such text."""
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    return content.decode(encoding)
