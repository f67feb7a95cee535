"""Commands of the documentation, run as they are written there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = ("dvc", "emfm", "git", "pip", "pytest", "python", "sphinx-build", "torchrun", "ttt", ".ci/run")
"""What the first word of a command in running text is."""


def recipe(document: str, name: str) -> str:
    """The code block after the line ``<!-- NAME -->`` of a document, as a script that stops at the first failure."""
    text = (ROOT / document).read_text()
    (block,) = re.findall(rf"^<!-- {re.escape(name)} -->\n```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return f"set -eu\n{block}"


def blocks(document: str) -> list[tuple[str, str]]:
    """(language, text) of each block of code of a document, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / document).read_text(), flags=re.DOTALL | re.MULTILINE)


def commands_of(text: str) -> list[str]:
    """The commands of a block for the shell, one a line, without comments."""
    return [command for line in text.splitlines() if (command := re.sub(r"(^|\s+)#.*", "", line))]


def commands_in_blocks(document: str) -> list[str]:
    """The commands of all blocks for the shell of a document, in order."""
    return [command for language, text in blocks(document) if language == "sh" for command in commands_of(text)]


def recipes_of(document: str) -> list[str]:
    """The names of a document's blocks for the shell that have one."""
    return re.findall(r"^<!-- (.+) -->\n```sh$", (ROOT / document).read_text(), flags=re.MULTILINE)


def as_program(document: str, leave_out: tuple[str, ...]) -> str:
    """All blocks of a document as one Python program, in which the shell's commands are run where they stand.

    Commands that begin with a text of ``leave_out`` are not in it.
    """
    lines = ["import subprocess"]
    for language, text in blocks(document):
        if language == "python":
            lines.append(text)
        for command in commands_of(text) if language == "sh" else ():
            if not command.startswith(leave_out):
                lines.append(f"subprocess.run({command!r}, shell=True, check=True)")
    return "\n".join(lines)


def commands_in_text(document: str) -> list[str]:
    """Commands between backquotes outside of the blocks, each once, in order."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / document).read_text(), flags=re.DOTALL | re.MULTILINE)
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text))
    return list(dict.fromkeys(span for span in spans if span.split()[0] in PROGRAMS and span not in PROGRAMS[:-1]))
