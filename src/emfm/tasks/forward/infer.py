"""Predict target E and H: ``python -m emfm.tasks.forward.infer --ckpt PATH --input PATH --out PATH``.

An input holds source H in A/m on the source plane that the model was trained for: a .csv with the columns x,y,z
(mm) and Hx_re,Hx_im,Hy_re,Hy_im, a .npy (4,ny,nx), a .npz with it as array x, or a .txt export of a solver.

--out_format tensor: a .npy (12,ny,nx), E in V/m and H in A/m.
--out_format nf_target_csv: a folder with target_E.csv and target_H.csv.
The result of one file is --out itself; those of a folder are <out>/<stem>_pred.npy or <out>/<stem>/.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emfm.data.field_files import list_inputs, read_source_h, write_npy, write_target_csv
from emfm.data.stats import source_scale
from emfm.evaluation.judge import model_predictor
from emfm.models.spec import FieldSpec
from ttt.command import run_command
from ttt.config import UserError
from ttt.engine.checkpoint import data_spec, load_checkpoint
from ttt.engine.evaluate import resolve_device

TENSOR, CSV = "tensor", "nf_target_csv"
_FILES_AT_ONCE = 256


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
    spec = data_spec(load_checkpoint(args.ckpt), args.ckpt)
    if not isinstance(spec, FieldSpec):
        raise UserError(f"{args.ckpt}: holds no forward model; name one that emfm.tasks.forward.train made")
    predict = model_predictor(args.ckpt, resolve_device(args.device))
    geometry = spec.geometry()
    targets = _targets(args)
    with tqdm(total=len(targets), desc="infer", unit="file", disable=not sys.stderr.isatty()) as bar:
        for chunk in _chunks(targets):
            source_h = np.stack([read_source_h(path, geometry.source) for path in chunk])
            source_scale(source_h)
            for path, prediction in zip(chunk, predict(source_h), strict=True):
                if args.out_format == TENSOR:
                    write_npy(targets[path], prediction)
                else:
                    write_target_csv(targets[path], prediction, geometry.target)
            bar.update(len(chunk))


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
