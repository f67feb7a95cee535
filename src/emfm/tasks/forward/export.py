"""Write a trained model as a graph for other programs: ``python -m emfm.tasks.forward.export --ckpt PATH --out FILE``.

The suffix says the kind of file: .pt2 is run by PyTorch without this package, .onnx by any ONNX runtime (pod_net with
its search for sources cannot be written as ONNX). The graph is compared with the model before it is written, and holds
what it is for: frequency, planes, channels, units, the checkpoint's hash. See docs/export.md.
"""

import argparse
import sys
from pathlib import Path

from ttt.command import run_command
from ttt.program import called_as


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.forward.export"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to export")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .pt2 or .onnx file")
    return run_command(_export, parser.parse_args(arguments))


def _export(args: argparse.Namespace) -> None:
    from emfm.model.trained import TrainedModel, find_device
    from emfm.use.export import export_model

    trained = TrainedModel(args.ckpt, find_device("cpu"))
    difference = export_model(trained, args.out)
    sys.stdout.write(f"{args.out}: largest relative difference from the model: {difference:.2g}\n")


if __name__ == "__main__":
    sys.exit(main())
