"""The flag ``--set KEY=VALUE``: any value of the configuration, on every command that reads one."""

import argparse
from collections.abc import Mapping
from typing import Any

from ttt.config import UserError, yaml_value


def add_set_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--set``, which may be repeated."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value of the configuration by its dotted key, as if it stood in the file: "
        "train.batch_size=64, optim.adamw.eps=1e-7, model.name=mlp, train.early_stop=null; may be repeated",
    )


def overrides_of(args: argparse.Namespace, flags: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values that the command line replaces, by dotted key: those of ``--set`` and of the command's own ``flags``.

    Raises UserError for what is no KEY=VALUE and for a key that is given twice.
    """
    found = dict(flags or {})
    for text in args.set:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise UserError(f"--set: found '{text}'; give KEY=VALUE, such as train.batch_size=64")
        if key in found:
            raise UserError(f"--set: {key} is given twice on this command line; give it once")
        found[key] = yaml_value(value, f"--set {key}")
    return found
