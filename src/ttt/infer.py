"""Predict with a checkpoint: ``python -m ttt.infer --config FILE --ckpt PATH --input PATH --out PATH``.

An input is a .npy, .npz (array x) or .csv file (a row a sample) with one sample, or with several along its
first axis. A file's predictions go to --out, a .npy file; those of a folder's files each to
<out>/<stem>_pred.npy. Files of a folder that cannot be used are named at the end, after the others are done; the exit
status is then 2.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ttt.command import PRECEDENCE, run_command
from ttt.config import UserError
from ttt.inputs import Refusals, refuse_place
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.set_flag import add_set_flag, overrides_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from ttt.samples import InputSamples


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("ttt.infer"),
        description=__doc__,
        epilog=PRECEDENCE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="the configuration: device, eval_batch_size",
    )
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to predict with")
    parser.add_argument("--input", type=Path, required=True, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="a .npy file, or a folder")
    add_set_flag(parser)
    return run_command(_infer, parser.parse_args(arguments))


def _infer(args: argparse.Namespace) -> None:
    given = overrides_of(args)
    pin_for(args.config, given)
    import torch

    from ttt.arrays import write_npy
    from ttt.engine.checkpoint import load_model
    from ttt.engine.evaluate import predict, resolve_device
    from ttt.samples import read_samples
    from ttt.settings import load_config
    from ttt.watch.progress import log_to_stderr

    log_to_stderr()
    config = load_config(args.config, given)
    model, checkpoint = load_model(args.ckpt)
    device = resolve_device(config.device)
    model.to(device)
    batch_size = config.train.eval_batch_size
    targets = _targets(args)
    refusals = Refusals(folder=args.input.is_dir())

    def usable() -> "Iterator[InputSamples]":
        for path in targets:
            samples = None
            with refusals.kept():
                samples = read_samples(path, checkpoint.shapes["x"])
            if samples is not None:
                yield samples

    def predictor(x: "NDArray[np.float32]") -> "NDArray[np.float32]":
        outputs: NDArray[np.float32] = predict(model, torch.from_numpy(x), batch_size, device).numpy()
        return outputs

    for path, prediction in predicted(usable(), predictor, batch_size):
        with refusals.kept():
            _refuse_not_finite(path, prediction)
            write_npy(targets[path], prediction)
    refusals.raise_any(len(targets))


def _targets(args: argparse.Namespace) -> dict[Path, Path]:
    """Where the predictions of each input go; raises UserError where they cannot go there."""
    from ttt.samples import find_inputs

    if args.input.is_dir():
        targets = {path: args.out / f"{path.stem}_pred.npy" for path in find_inputs(args.input)}
    else:
        targets = {args.input: args.out}
        if args.out.suffix != ".npy":
            raise UserError(f"--out: found '{args.out}'; the predictions of one file go to a .npy file")
    refuse_place(args.input, args.out, {path: [target] for path, target in targets.items()})
    return targets


def predicted(
    inputs: "Iterable[InputSamples]",
    predictor: "Callable[[NDArray[np.float32]], NDArray[np.float32]]",
    batch_size: int,
) -> "Iterator[tuple[Path, NDArray[np.float32]]]":
    """Each file's predictions, computed for many small files at a time."""
    waiting: list[InputSamples] = []
    for samples in inputs:
        waiting.append(samples)
        if sum(len(each.x) for each in waiting) >= batch_size:
            yield from _predict_together(waiting, predictor)
            waiting = []
    if waiting:
        yield from _predict_together(waiting, predictor)


def _predict_together(
    inputs: "list[InputSamples]", predictor: "Callable[[NDArray[np.float32]], NDArray[np.float32]]"
) -> "Iterator[tuple[Path, NDArray[np.float32]]]":
    import numpy as np

    outputs = predictor(np.concatenate([each.x for each in inputs]))
    first = 0
    for each in inputs:
        part = outputs[first : first + len(each.x)]
        first += len(each.x)
        yield each.path, part[0] if each.is_single else part


def _refuse_not_finite(path: Path, prediction: "NDArray[np.float32]") -> None:
    import numpy as np

    if not np.isfinite(prediction).all():
        raise UserError(
            f"{path}: what the model predicts from it holds NaN or Inf and is not written; check its values"
        )


if __name__ == "__main__":
    sys.exit(main())
