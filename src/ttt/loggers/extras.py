"""Packages that are needed only where a configuration names what is made of them."""

import importlib
from typing import Any

from ttt.config import ConfigError


def package_of(extra: str, module: str) -> Any:
    """``module``, which the extra ``extra`` of this project brings; raises ConfigError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            "train.loggers",
            [
                f"{extra}: {module} cannot be imported ({error}); install it with "
                f"pip install -c constraints.txt -e '.[{extra}]', or take {extra} out of train.loggers"
            ],
        ) from error
