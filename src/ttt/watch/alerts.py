"""Alerts: what a person should look at, said in the log, in metrics.jsonl and to a command of the user's."""

import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ttt.engine.checkpoint import TrainingProgress
from ttt.log import LOG
from ttt.settings import AlertsParams

_COMMAND_SECONDS = 30


@dataclass(frozen=True)
class Alert:
    """One alert."""

    alert: str
    """``no_improvement``, ``not_finite`` or ``lr_zero``."""
    epoch: int
    step: int
    message: str


def alerts_of_epoch(place: TrainingProgress, figures: Mapping[str, float], patience: int) -> list[Alert]:
    """What is alarming about the epoch that has just ended."""
    found = {}
    waited = place.epoch - place.best_epoch
    if waited > 0 and waited % patience == 0:
        found["no_improvement"] = f"no better score in the last {waited} epochs"
    if bad := [f"{name} is {value}" for name, value in figures.items() if not math.isfinite(value)]:
        found["not_finite"] = "; ".join(bad)
    if place.lr == 0:
        found["lr_zero"] = "the learning rate is 0, so nothing is learned"
    return [Alert(kind, place.epoch, place.step, message) for kind, message in found.items()]


def raise_alert(alert: Alert, params: AlertsParams, run_dir: Path) -> None:
    """Say it in the log and to the user's command.

    A command that fails or takes over 30 s is reported, and the training goes on.

    A training that is killed before its next checkpoint says it again when it is resumed.
    """
    LOG.warning("ALERT %s: epoch %d, step %d: %s", alert.alert, alert.epoch, alert.step, alert.message)
    if params.command is None:
        return
    content = json.dumps({"run_dir": str(run_dir), **asdict(alert)})
    try:
        done = subprocess.run(
            params.command,
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
