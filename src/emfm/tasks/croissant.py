"""Write Croissant 1.1 metadata of the packed store: ``python -m emfm.tasks.croissant``.

data/croissant.json names each file of data/store with its SHA-256, what the arrays hold, and the hash of the store in
dvc.lock, so that programs which know Croissant (https://mlcommons.org/croissant) can check and load the data. Run it
when dvc.lock has another store; it takes seconds for a gigabyte. Name, version and license are those of CITATION.cff.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from emfm.cards.citation import CITATION, Citation
from emfm.cards.croissant import croissant
from emfm.workflow.paths import STORE
from ttt.command import run_command
from ttt.files import write_text
from ttt.program import called_as

_OUT: Final = Path("data/croissant.json")
_PAGE: Final = Path("docs/data-card.md")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.croissant"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--store", type=Path, default=STORE, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=_OUT, metavar="FILE", help="default: %(default)s")
    return run_command(_write, parser.parse_args(arguments))


def _write(args: argparse.Namespace) -> None:
    beside = args.out.parent
    page = Path(os.path.relpath(_PAGE, beside)).as_posix()
    write_text(args.out, croissant(args.store, beside, Citation.read(CITATION), page))


if __name__ == "__main__":
    sys.exit(main())
