"""Which errors are a user's to mend, shown as one sentence without a traceback."""

from typing import Final

from emfm.stages.resume import BusyError
from ttt.config import UserError
from ttt.engine.errors import Interrupted, TrainingError

REFUSALS: Final = (BusyError, OSError, TrainingError, UserError)


def exit_status(error: Exception) -> int:
    """128 + the signal's number for an interruption, 1 for anything else."""
    return 128 + error.signal if isinstance(error, Interrupted) else 1
