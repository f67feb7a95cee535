"""Write constraints.lock: ``pip install uv``, then ``python .ci/lock.py``, after every change of constraints.txt.

The versions of constraints.txt, and of what other platforms need besides, with the sha256 of every file of them: for
all extras, and for any platform and Python that pyproject.toml allows. One file may be missing in the index that uv
asks: torch without CUDA, where pip is set up to find it on this machine. Its hash is added, and those of other Pythons
that the file has already are kept, so that each Python can add its own.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "constraints.lock"
HEADER: Final = "# The versions of constraints.txt with the sha256 of every file; made by .ci/lock.py.\n"
OPTIONS: Final = ["--all-extras", "--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet"]


def main() -> None:
    """Write the file."""
    torch_before = re.search(r"^torch==(?:.+\\\n)+.+\n", LOCK.read_text() if LOCK.exists() else "", re.MULTILINE)
    command = ["uv", "pip", "compile", "pyproject.toml", "-c", "constraints.txt", *OPTIONS, "-o", LOCK.name]
    subprocess.run(command, cwd=ROOT, check=True)
    text = LOCK.read_text()
    (torch,) = re.findall(r"^torch==(?:.+\\\n)+.+\n", text, re.MULTILINE)
    version = torch.split()[0]
    kept = re.findall(r"sha256:\w+", torch_before[0]) if torch_before and torch_before[0].split()[0] == version else []
    hashes = sorted({*re.findall(r"sha256:\w+", torch), *kept, hash_of_the_file_here(version)})
    lines = " \\\n".join([version, *(f"    --hash={found}" for found in hashes)])
    LOCK.write_text(HEADER + text.replace(torch, f"{lines}\n"))


def hash_of_the_file_here(requirement: str) -> str:
    """The hash of what pip downloads for ``NAME==VERSION`` on this machine."""
    with TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, requirement], check=True)
        (wheel,) = Path(folder).iterdir()
        return f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


if __name__ == "__main__":
    main()
