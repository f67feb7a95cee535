"""What can keep a training from starting or going on, as sentences for the user.

TrainingError
  CheckpointError   a checkpoint is missing, damaged, foreign, or of another training
  SaveError         a file of the run cannot be written, for instance on a full disk
  DivergedError     the loss is no number any more
  Interrupted       a signal stopped the training; a checkpoint was saved
"""

import signal as signals
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TrainingError(RuntimeError):
    """A training cannot start or go on."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be used: missing, damaged, foreign, or of another training."""


class SaveError(TrainingError):
    """A file of the run cannot be written; the last checkpoint is intact."""


class DivergedError(TrainingError):
    """The training loss is NaN or infinite."""


class Interrupted(TrainingError):  # noqa: N818 - stopped on request, not failed
    """A signal stopped the training, after a checkpoint was saved, or before there was anything to save."""

    def __init__(self, signal: int, step: int, saved: Path | None) -> None:
        self.signal = signal
        """Number of the signal; a program that ends because of it exits with 128 + this number."""
        name = signals.Signals(signal).name
        what = f"after step {step}; saved in {saved}, to go on from there resume" if saved else "before the first step"
        super().__init__(f"stopped by {name} {what}")


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn an OSError in the block into a SaveError that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise SaveError(
            f"{path}: cannot be written ({error.strerror}); the last checkpoint is intact, so mend the cause "
            "(free space on the disk?) and resume"
        ) from error
