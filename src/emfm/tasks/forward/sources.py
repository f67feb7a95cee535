"""Find sources from a scan as it comes: ``python -m emfm.tasks.forward.sources --input F --frequency_hz X --out D``.

No trained model is needed. The input is a table (.csv, .txt): a line of names, then one line a point. Columns x, y, z
in mm, and any components of E (V/m) and H (A/m), one alone, too: real and imaginary part (Hx_re, Hx_im) or amplitude
and phase in degrees (Hx_abs, Hx_phase), peak phasors exp(+jwt). Points need not lie on a grid or at one height; lines
may be missing, and cells empty or NaN. Names with other units: x [m], Hx_abs [mA/m], Hx_phase [rad]. Magnitudes without
phase are refused: they do not say where a field comes from.

Writes <out>/<stem>_sources.csv, a row a source: see docs/sources.md. With --plane_mm also the field of the sources on a
plane above, <out>/<stem>/target_E.csv and target_H.csv, as the import of cases reads them.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pydantic

from ttt.command import run_command
from ttt.config import UserError
from ttt.log import LOG
from ttt.program import called_as
from ttt.watch.progress import log_to_stderr

if TYPE_CHECKING:
    from emfm.core.grid import Grid
    from emfm.sources.found import PointSources

_MM: Final = 1e-3


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.forward.sources"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help="the scan")
    parser.add_argument("--frequency_hz", type=float, required=True, metavar="F", help="of the scan, Hz")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the results go")
    parser.add_argument(
        "--plane_mm",
        type=float,
        nargs=6,
        metavar=("Z", "X0", "X1", "Y0", "Y1", "PITCH"),
        help="a plane on which the field is wanted, mm; the errors that are named are those of the field there. "
        "Without it they are those four spacings of the points above the highest one",
    )
    parser.add_argument(
        "--depths_mm",
        type=float,
        nargs=2,
        metavar=("LEAST", "MOST"),
        help="how far below the lowest point sources may lie, mm; default: 0.85 to 2.7 times the spacing of the "
        "points, deeper below a wide scan",
    )
    return run_command(_find, parser.parse_args(arguments))


def _find(args: argparse.Namespace) -> None:
    from emfm.sources.measured_search import MOST_VALUES
    from emfm.use.field_files import write_target_csv
    from emfm.use.measured_sources import find_sources, read_measured
    from emfm.use.source_table import write_sources

    log_to_stderr()
    plane = None if args.plane_mm is None else _plane(args.plane_mm)
    table = args.out / f"{args.input.stem}_sources.csv"
    if args.out.exists() and not args.out.is_dir():
        raise UserError(f"--out: found '{args.out}', a file; the results go to a folder")
    if table.resolve() == args.input.resolve():
        raise UserError(f"--out: the table of sources would replace the input {args.input}; name another folder")
    if not args.frequency_hz > 0:
        raise UserError(f"--frequency_hz: found {args.frequency_hz:g}; give the frequency of the scan, above 0 Hz")
    measured = read_measured(args.input, args.frequency_hz)
    thinned = measured.thinned(MOST_VALUES)
    if thinned is not measured:
        LOG.warning(
            "%s: of its %d points %d are used, evenly spread, as a search holds %d values",
            *(args.input, len(measured.points), len(thinned.points), MOST_VALUES),
        )
    depths = None if args.depths_mm is None else (args.depths_mm[0] * _MM, args.depths_mm[1] * _MM)
    found = find_sources(thinned, plane, depths)
    field = None if plane is None else found.channels(plane)
    write_sources(table, found.sources)
    if plane is not None and field is not None:
        write_target_csv(args.out / args.input.stem, field, plane)
    if found.unseen:
        LOG.warning("%s: %s", args.input, found.unseen)
    sys.stdout.write(f"{_described(found.sources)}\n")


def _plane(numbers: list[float]) -> "Grid":
    from emfm.core.planes import PlaneParams

    z, x_first, x_last, y_first, y_last, pitch = numbers
    try:
        return PlaneParams(z_mm=z, x_mm=[x_first, x_last], y_mm=[y_first, y_last], pitch_mm=pitch).to_grid()
    except pydantic.ValidationError as error:
        problems = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise UserError(f"--plane_mm: {problems}") from None


def _described(sources: "PointSources") -> str:
    """What was found, and how far to trust it."""
    count = f"{len(sources)} element{'' if len(sources) == 1 else 's'}"
    if not sources.explain_the_scan:
        return (
            f"{count}, and {len(sources.background)} weak ones in the background: no few elements explain the scan, or "
            "noise hides what else there is; do not read them one by one, and no error of their field is known"
        )
    (e, h), (most_e, most_h) = sources.expected_rel_l2, sources.bound_rel_l2
    return (
        f"{count} explain the scan; expected relative error of their field: E {e:.2g}, H {h:.2g}; "
        f"90 % bound: E {most_e:.2g}, H {most_h:.2g}"
    )


if __name__ == "__main__":
    sys.exit(main())
