"""Predict target E and H: ``python -m emfm.tasks.forward.infer --ckpt PATH --input PATH --out PATH``.

An input holds source H in A/m on the source plane that the model was trained for: a .csv with the columns x,y,z
(mm) and Hx_re,Hx_im,Hy_re,Hy_im, a .npy (4,ny,nx), a .npz with it as array x, or an export of a solver: .txt
(CST), .hfe (FEKO) or .fld (HFSS).

--out_format tensor: a .npy (12,ny,nx), E in V/m and H in A/m.
--out_format nf_target_csv: a folder with target_E.csv and target_H.csv.
The result of one file is --out itself; those of a folder are <out>/<stem>_pred.npy or <out>/<stem>/.

How far to trust a prediction, from the model alone, is printed, and for a folder written to <out>/trust.csv: the
relative L2 errors of E and H to expect, and the distance of the scan from the training samples; above 1 it is unlike
them, which is also said on standard error. A best.pth says so; other checkpoints of a training may not, and what they
do not say is left empty.
"""

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from emfm.data.field_files import list_inputs, read_source_h, write_npy, write_target_csv
from emfm.data.stats import source_scale
from emfm.inference.trained import TrainedModel, find_device
from ttt.command import run_command
from ttt.config import UserError
from ttt.engine.progress import LOG, log_to_stderr
from ttt.files import write_text

TENSOR, CSV = "tensor", "nf_target_csv"
TRUST_FILE = "trust.csv"
_FILES_AT_ONCE = 256
_SHOWN = 5


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emfm.tasks.forward.infer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to predict with")
    parser.add_argument("--input", type=Path, required=True, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="where the results go")
    parser.add_argument("--out_format", choices=[TENSOR, CSV], default=TENSOR, help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s")
    return run_command(_infer, parser.parse_args(arguments))


def _infer(args: argparse.Namespace) -> None:
    log_to_stderr()
    predict = TrainedModel(args.ckpt, find_device(args.device))
    geometry = predict.geometry
    targets = _targets(args)
    table = args.out / TRUST_FILE if args.input.is_dir() else None
    trust: list[tuple[Path, list[float], float]] = []
    with tqdm(total=len(targets), desc="infer", unit="file", disable=not sys.stderr.isatty()) as bar:
        for chunk in _chunks(targets):
            source_h = np.stack([read_source_h(path, geometry.source, geometry.frequency) for path in chunk])
            source_scale(source_h)
            predictions, expected, distance = predict.judged(source_h)
            trust += zip(chunk, expected.tolist(), distance.tolist(), strict=True)
            if table is not None:
                table.unlink(missing_ok=True)  # an earlier call's, which is not about these results
            for path, prediction in zip(chunk, predictions, strict=True):
                if args.out_format == TENSOR:
                    write_npy(targets[path], prediction)
                else:
                    write_target_csv(targets[path], prediction, geometry.target)
            bar.update(len(chunk))
    _report(trust, table)


def _report(trust: list[tuple[Path, list[float], float]], table: Path | None) -> None:
    """Say how far to trust each prediction: in ``table``, or on one line where there is none."""
    if any(math.isnan(error) for _, errors, _ in trust for error in errors):
        LOG.warning("the checkpoint does not say how far to trust it: it was not calibrated; a best.pth is")
        trust = [(path, errors, math.nan) for path, errors, _ in trust]
    if table is not None:
        rows = [
            (path.name, *errors, distance, None if math.isnan(distance) else distance > 1)
            for path, errors, distance in trust
        ]
        columns = ["input", "expected_rel_l2_e", "expected_rel_l2_h", "distance", "unlike_training"]
        write_text(table, pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))
    elif not math.isnan(trust[0][2]):
        ((_, (e, h), distance),) = trust
        sys.stdout.write(
            f"expected relative error: E {e:.2g}, H {h:.2g}; distance from the training samples: {distance:.2g}\n"
        )
    unlike = [path.name for path, _, distance in trust if distance > 1]
    if unlike:
        shown = ", ".join(unlike[:_SHOWN]) + (f" and {len(unlike) - _SHOWN} more" if len(unlike) > _SHOWN else "")
        LOG.warning("unlike the training samples, so that little is known of the error: %s", shown)


def _targets(args: argparse.Namespace) -> dict[Path, Path]:
    """Where the result of each input goes."""
    if not args.input.is_dir():
        if args.out_format == TENSOR and args.out.suffix != ".npy":
            raise UserError(f"--out: found '{args.out}'; the tensor of one file goes to a .npy file")
        return {args.input: args.out}
    name = "{}_pred.npy" if args.out_format == TENSOR else "{}"
    return {path: args.out / name.format(path.stem) for path in list_inputs(args.input)}


def _chunks(targets: dict[Path, Path]) -> Iterable[list[Path]]:
    paths = list(targets)
    return (paths[start : start + _FILES_AT_ONCE] for start in range(0, len(paths), _FILES_AT_ONCE))


if __name__ == "__main__":
    sys.exit(main())
