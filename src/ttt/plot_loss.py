"""Draw the loss curves of runs: ``python -m ttt.plot_loss --run_dir DIR [DIR ...] | --last N``."""

import argparse
import io
import sys
from pathlib import Path

import matplotlib as mpl

from ttt.command import run_command
from ttt.config import UserError
from ttt.files import write_bytes, write_text
from ttt.program import called_as
from ttt.runs import RUNS, newest_runs


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog=called_as("ttt.plot_loss"), description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run_dir", type=Path, nargs="+", metavar="DIR", help="folders with a metrics.jsonl")
    which.add_argument("--last", type=int, metavar="N", help="the N runs below runs/ whose logs are newest")
    parser.add_argument(
        "--smooth",
        type=int,
        default=20,
        metavar="N",
        help="mean over so many logged steps, over fewer where few are logged (default 20; 1: none)",
    )
    parser.add_argument("--title", metavar="T", help="above the figure")
    parser.add_argument("--linear", action="store_true", help="a linear loss axis instead of a logarithmic one")
    where = "default: loss_curve.png in the run's artifacts/, of several runs in runs/comparisons/<number>/"
    parser.add_argument("--out_png", type=Path, metavar="F", help=f"the figure; {where}")
    parser.add_argument("--out_csv", type=Path, metavar="F", help="every value as logged; default: loss_long.csv there")
    return run_command(_plot, parser.parse_args(arguments))


def _plot(args: argparse.Namespace) -> None:
    mpl.use("Agg")
    from ttt.curves import loss_figure, read_runs, tidy_csv

    for flag, value in (("--smooth", args.smooth), ("--last", args.last)):
        if value is not None and value < 1:
            raise UserError(f"{flag}: found {value}; allowed: 1 or more")
    folders = args.run_dir or newest_runs(RUNS, args.last)
    runs = read_runs(folders)
    figure = loss_figure(runs, args.smooth, args.title, log_axis=not args.linear)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=130, metadata={"Software": None})
    out_png, out_csv = args.out_png, args.out_csv
    if out_png is None or out_csv is None:
        folder = _default_folder(folders)
        out_png, out_csv = out_png or folder / "loss_curve.png", out_csv or folder / "loss_long.csv"
    write_bytes(out_png, picture.getvalue())
    write_text(out_csv, tidy_csv(runs))
    sys.stdout.write(f"{out_png}\n{out_csv}\n")


def _default_folder(folders: list[Path]) -> Path:
    if len(folders) == 1:
        return folders[0] / "artifacts"
    comparisons = RUNS / "comparisons"
    taken = [int(path.name) for path in comparisons.glob("*") if path.name.isdecimal()]
    return comparisons / f"{1 + max(taken, default=0):03d}"


if __name__ == "__main__":
    sys.exit(main())
