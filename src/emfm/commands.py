"""The program ``emfm``: the commands of the field model."""

from typing import Final

from ttt.program import run_program

COMMANDS: Final = {
    "emfm.tasks.forward.infer": "predict the field of scans in files",
    "emfm.tasks.forward.train": "train a model by hand",
    "emfm.tasks.forward.eval": "evaluate a checkpoint on validation samples",
    "emfm.tasks.forward.export": "write a model as a graph for other programs",
    "emfm.tasks.forward.sources": "find the sources below any components at any points, without a model",
    "emfm.tasks.compare": "compare trainings sample by sample on val_fixed",
    "emfm.tasks.seeds": "train one configuration with several seeds: mean and spread",
    "emfm.tasks.promote": "prepare the edit that makes a training the promoted one",
    "emfm.tasks.change_report": "say what a change does to parameters and results, as on a pull request",
    "emfm.tasks.parameters": "write docs/parameters.md anew",
    "emfm.tasks.cards": "write the model card and the data card anew",
    "emfm.tasks.croissant": "write the Croissant metadata of data/store anew",
    "emfm.stages": "run one stage, as dvc.yaml does",
}
"""The module of each command, and what it does."""


def main() -> None:
    """The program's entry."""
    run_program("emfm", "From a magnetic near-field scan to the E and H field on a larger plane.", COMMANDS)
