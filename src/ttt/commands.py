"""The program ``ttt``: the commands of the training template."""

from typing import Final

from ttt.program import run_program

COMMANDS: Final = {
    "ttt.train": "train what a configuration file describes",
    "ttt.eval": "evaluate a checkpoint on validation samples",
    "ttt.infer": "predict with a checkpoint",
    "ttt.plot_loss": "draw the loss curves of runs",
    "ttt.lr_range": "find a learning rate",
}
"""The module of each command, and what it does."""


def main() -> None:
    """The program's entry."""
    run_program("ttt", "A training template for PyTorch, without any physics.", COMMANDS)
