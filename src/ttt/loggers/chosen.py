"""The loggers of a training: those that every training has, and those that its configuration names."""

from pathlib import Path

from ttt.engine.logger import Logger
from ttt.parts import LOGGERS
from ttt.settings import TrainingConfig
from ttt.watch.alerts import Alarm
from ttt.watch.console import Console
from ttt.watch.gauges import Gauges


def loggers_of(config: TrainingConfig, folder: Path) -> list[Logger]:
    """What people and monitors see, and what ``train.loggers`` names, which may keep files below ``folder``.

    Raises ConfigError where the package of one is not installed.
    """
    named = [LOGGERS.get(name, "train.loggers").build(folder=folder) for name in config.train.loggers]
    return [Console(), Gauges(), Alarm(), *named]
