"""Where the stages read and write, relative to the repository's root; the same names stand in ``dvc.yaml``."""

import os
from pathlib import Path
from typing import Final

STORE: Final = Path("data/store")
KINDS: Final = Path("data/kinds")
KEPT: Final = Path("data/dedupe/kept.csv")
DROPPED: Final = Path("data/dedupe/dropped.csv")
SPLITS: Final = Path("data/splits")
NORM_STATS: Final = Path("data/y_norm_stats.json")
PICTURED: Final = Path("data/pictured.npz")
REPORTS: Final = Path("reports")
VAL_RESULTS: Final = REPORTS / "val_fixed.json"
VAL_ERRORS: Final = REPORTS / "val_fixed_errors.csv"
VAL_METRICS: Final = REPORTS / "val_metrics.json"
TEST_RESULTS: Final = REPORTS / "test_final.json"
TEST_METRICS: Final = REPORTS / "test_metrics.json"
PROMOTED: Final = Path("promoted.yaml")
LEDGER: Final = REPORTS / "test_final_ledger.jsonl"
CURVES: Final = REPORTS / "curves"
FIGURES: Final = REPORTS / "figures"
REPORT: Final = REPORTS / "report.md"
PAGE: Final = REPORTS / "index.html"
KEPT_IMPORT: Final = "imported"
"""The name of the folder in which `acquire` keeps what it imported, see `emfm.workflow.unfinished.kept_folder`."""


def ids_file(name: str) -> Path:
    """The list of sample IDs of ``train_pool``, ``val_fixed`` or ``test_final``, one a line."""
    return SPLITS / f"{name}_ids.txt"


def best_model(stage: int) -> Path:
    """The best checkpoint of a training stage."""
    return Path(f"models/stage{stage}/best.pth")


def curve(stage: int) -> Path:
    """The loss curve of a training stage, one line an epoch."""
    return CURVES / f"stage{stage}.csv"


def logs(stage: int) -> Path:
    """Where the loggers of ``train.loggers`` keep files of a training stage: in the repository, by experiment.

    DVC says where that is, and which experiment runs, also in the folder of a temporary one.
    """
    return Path(os.environ.get("DVC_ROOT", "."), "runs", os.environ.get("DVC_EXP_NAME", "workflow"), f"stage{stage}")
