"""What the commands share: how errors end them, and which value wins where one is given twice."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Final

from ttt.config import UserError
from ttt.engine.errors import DivergedError, Interrupted, SaveError, TrainingError
from ttt.locks import BusyError
from ttt.own_code import go_on_with_code_here

PRECEDENCE: Final = (
    "Which value wins: the command line over the configuration file, the file over the defaults. On resuming, "
    "what the checkpoint holds wins over all of them: weights, the optimizer's moments and learning rate, the "
    "schedule, the AMP scaler, random numbers, the place in the data. Only --lr and --resume_* change that."
)

REFUSALS: Final = (BusyError, OSError, TrainingError, UserError)
"""Errors that are shown as one sentence, without a traceback."""

_NOT_THE_USERS: Final = (DivergedError, SaveError)


def run_command(work: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> int:
    """The exit status of ``work(args)``; an error that is the user's to correct is a sentence, not a traceback.

    The same of every command and stage: 0 done; 2 refused, as what the user gave (a flag, a parameter, a file) cannot
    be used; 1 not done for another reason (a file cannot be written, another process works there, the loss diverged);
    128 + N stopped by signal N.
    """
    try:
        go_on_with_code_here()
        work(args)
    except REFUSALS as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_status(error)
    except KeyboardInterrupt:
        sys.stderr.write("error: stopped before it was done\n")
        return 128 + signal.SIGINT
    return 0


def exit_status(error: Exception) -> int:
    """See `run_command`."""
    if isinstance(error, Interrupted):
        return 128 + error.signal
    refused = isinstance(error, UserError | TrainingError) and not isinstance(error, _NOT_THE_USERS)
    return 2 if refused else 1
