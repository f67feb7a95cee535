"""Commands of the documentation, run as they are written there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def recipe(document: str, name: str) -> str:
    """The code block after the line ``<!-- NAME -->`` of a document, as a script that stops at the first failure."""
    text = (ROOT / document).read_text()
    (block,) = re.findall(rf"^<!-- {re.escape(name)} -->\n```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return f"set -eu\n{block}"
