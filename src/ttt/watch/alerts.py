"""Alerts, said in the log and to a command of the user's."""

import json
import subprocess

from ttt.engine.logger import Logger, Record, Run
from ttt.log import LOG

_COMMAND_SECONDS = 30


class Alarm(Logger):
    """Says each alert in the log, and to ``alerts.command``.

    A command that fails or takes over 30 s is reported, and the training goes on. A training that is killed before its
    next checkpoint says an alert again when it is resumed.
    """

    def start(self, run: Run) -> None:
        """See `Logger`."""
        self._command, self._run_dir = run.config.alerts.command, run.folder.path

    def alert(self, record: Record) -> None:
        """See `Logger`."""
        LOG.warning("ALERT %s: epoch %d, step %d: %s", *(record[key] for key in ("alert", "epoch", "step", "message")))
        if self._command is None:
            return
        content = json.dumps({"run_dir": str(self._run_dir), **record})
        try:
            done = subprocess.run(
                self._command,
                input=content,
                text=True,
                capture_output=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            LOG.warning("alerts.command: %s", error)
            return
        if done.returncode:
            LOG.warning("alerts.command: ended with status %d: %s", done.returncode, done.stderr.strip())
