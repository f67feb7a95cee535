"""Find sources from a scan as it comes: ``python -m emfm.tasks.forward.sources --input F --frequency_hz X --out D``.

No trained model is needed. The input is a table (.csv, .txt): a line of names, then one line a point. Columns x, y, z
in mm, and any components of E (V/m) and H (A/m), one alone, too: real and imaginary part (Hx_re, Hx_im) or amplitude
and phase in degrees (Hx_abs, Hx_phase), peak phasors exp(+jwt). Points need not lie on a grid or at one height; lines
may be missing, and cells empty or NaN. Names with other units: x [m], Hx_abs [mA/m], Hx_phase [rad]. Magnitudes without
phase are refused: they do not say where a field comes from.

Writes <out>/<stem>_sources.csv, a row a source: see docs/sources.md. With --plane_mm also the field of the sources on a
plane above, <out>/<stem>/target_E.csv and target_H.csv, as the import of cases reads them.

With --ground_plane_mm and --ground_plane_z_mm it finds the currents on the copper of this board instead, with those
that they induce in the plate, and writes <out>/<stem>_currents.csv, a row a cell of the copper: see docs/plates.md.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pydantic

from emfm.tasks.forward.board_options import add_board_options, given_board
from ttt.command import run_command
from ttt.config import UserError
from ttt.log import LOG
from ttt.program import called_as
from ttt.watch.progress import log_to_stderr

if TYPE_CHECKING:
    from emfm.core.grid import Grid
    from emfm.core.measured import MeasuredField
    from emfm.plates.ground_plane import Board
    from emfm.sources.found import PointSources
    from emfm.use.measured_sources import FieldOfElements

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
    add_board_options(parser, "currents on this board are then looked for, instead of sources in free space")
    return run_command(_find, parser.parse_args(arguments))


def _find(args: argparse.Namespace) -> None:
    from emfm.sources.measured_search import MOST_VALUES
    from emfm.use.field_files import write_target_csv
    from emfm.use.measured_sources import read_measured

    log_to_stderr()
    plane = None if args.plane_mm is None else _plane(args.plane_mm)
    board = given_board(args)
    table = args.out / f"{args.input.stem}_{'sources' if board is None else 'currents'}.csv"
    _refuse_places(args, table)
    measured = read_measured(args.input, args.frequency_hz)
    thinned = measured.thinned(MOST_VALUES)
    if thinned is not measured:
        LOG.warning(
            "%s: of its %d points %d are used, evenly spread, as a search holds %d values",
            *(args.input, len(measured.points), len(thinned.points), MOST_VALUES),
        )
    found = _sources(args, thinned, plane) if board is None else _currents(thinned, board, plane)
    field = None if plane is None else found.field.channels(plane)
    found.write(table)
    if plane is not None and field is not None:
        write_target_csv(args.out / args.input.stem, field, plane)
    if found.warning:
        LOG.warning("%s: %s", args.input, found.warning)
    sys.stdout.write(f"{found.said}\n")


def _refuse_places(args: argparse.Namespace, table: Path) -> None:
    if args.out.exists() and not args.out.is_dir():
        raise UserError(f"--out: found '{args.out}', a file; the results go to a folder")
    if table.resolve() == args.input.resolve():
        raise UserError(f"--out: the table of sources would replace the input {args.input}; name another folder")
    if not args.frequency_hz > 0:
        raise UserError(f"--frequency_hz: found {args.frequency_hz:g}; give the frequency of the scan, above 0 Hz")
    if args.depths_mm is not None and args.ground_plane_mm is not None:
        raise UserError("--depths_mm: currents on a board lie on its copper; give --copper_z_mm instead")


@dataclass(frozen=True)
class _Found:
    """What was found below the scan."""

    field: "FieldOfElements"
    write: Callable[[Path], None]
    """Its table."""
    said: str
    warning: str
    """Empty where there is none."""


def _sources(args: argparse.Namespace, measured: "MeasuredField", plane: "Grid | None") -> _Found:
    from emfm.use.measured_sources import find_sources
    from emfm.use.source_table import write_sources

    depths = None if args.depths_mm is None else (args.depths_mm[0] * _MM, args.depths_mm[1] * _MM)
    found = find_sources(measured, plane, depths)
    write = partial(write_sources, sources=found.sources)
    return _Found(found, write, _described(found.sources), found.unseen or "")


def _currents(measured: "MeasuredField", board: "Board", plane: "Grid | None") -> _Found:
    from emfm.use.current_table import write_currents
    from emfm.use.measured_sources import find_currents

    currents = find_currents(measured, board, plane)
    found = currents.found
    (e, h), (most_e, most_h) = found.expected_rel_l2, found.bound_rel_l2
    said = (
        f"currents on {len(found.copper)} cells of the board given; expected relative error of their field: "
        f"E {e:.2g}, H {h:.2g}; 90 % bound: E {most_e:.2g}, H {most_h:.2g}; left of the scan: {found.misfit:.2g}"
    )
    return _Found(currents, partial(write_currents, copper=found.copper), said, found.warning)


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
