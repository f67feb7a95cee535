"""Which errors are a user's to mend, shown as one sentence without a traceback."""

from typing import Final

from emfm.stages.resume import BusyError
from ttt import command
from ttt.config import UserError
from ttt.engine.errors import TrainingError

REFUSALS: Final = (BusyError, OSError, TrainingError, UserError)


def exit_status(error: Exception) -> int:
    """As of every command, see `ttt.command.run_command`; 1 where another process has the stage's folder."""
    return 1 if isinstance(error, BusyError) else command.exit_status(error)
