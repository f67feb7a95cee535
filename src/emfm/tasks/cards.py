"""Write the model card and the data card from the committed results: ``python -m emfm.tasks.cards``.

docs/model-card.md and docs/data-card.md take every figure from reports/, params.yaml and CITATION.cff. Run it after the
results have changed, and commit the cards with them.
"""

import argparse
import sys
from pathlib import Path

from emfm.cards.citation import CITATION, Citation
from emfm.cards.outside_trust import TRUST_OUTSIDE, OutsideTrust
from emfm.cards.render import Known, render_cards
from emfm.results.schema import read_milestone_results, read_val_results
from emfm.settings import load_params
from emfm.workflow.dvc_file import training_stages
from emfm.workflow.paths import TEST_RESULTS, VAL_RESULTS
from ttt.command import run_command
from ttt.files import write_text
from ttt.program import called_as


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.cards"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=Path("params.yaml"), metavar="FILE", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="default: %(default)s")
    return run_command(_write, parser.parse_args(arguments))


def _write(args: argparse.Namespace) -> None:
    known = Known(
        Citation.read(CITATION),
        load_params(args.config, training_stages()),
        read_val_results(VAL_RESULTS),
        read_milestone_results(TEST_RESULTS),
        OutsideTrust.read(TRUST_OUTSIDE),
    )
    for name, text in render_cards(known).items():
        write_text(args.out / name, text)


if __name__ == "__main__":
    sys.exit(main())
