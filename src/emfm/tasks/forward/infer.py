"""Predict target E and H: ``python -m emfm.tasks.forward.infer --ckpt PATH --input PATH --out PATH``.

An input holds source H in A/m on the source plane that the model was trained for: a .csv with the columns x,y,z
(mm) and Hx_re,Hx_im,Hy_re,Hy_im, a .npy (4,ny,nx), a .npz with it as array x, or an export of a solver: .txt
(CST), .hfe (FEKO) or .fld (HFSS). A larger or finer plane that holds the model's points is cut down to them.

--out_format tensor: a .npy (12,ny,nx), E in V/m and H in A/m.
--out_format nf_target_csv: a folder with target_E.csv and target_H.csv.
--out_format feko: a folder with target.efe and target.hfe, a near-field source for FEKO.
--out_format nfd: a folder with target.nfd and target.and, a near-field source for Ansys HFSS.
The result of one file is --out itself; those of a folder are <out>/<stem>_pred.npy or <out>/<stem>/.

--sources, --page and --png say where a scan comes from, and what of it arrives far away: see docs/sources.md.

--ground_plane_mm and --ground_plane_z_mm name the ground plane of the board that was scanned. The prediction is then
the field of currents on the board, each with the current that it induces in the plate, or the model's where these are
expected to be off by much; is_of_board in trust.csv says which of both, and the errors are its own: see docs/plates.md.
--boards names a table of them where the scans of a folder are of several boards.

How far to trust a prediction, from the model alone, is printed, and for a folder written to <out>/trust.csv: the
relative L2 errors of E and H to expect, a bound on each, which 90 % of unseen samples like the training samples keep,
and the distance of the scan from the training samples. It is 0 where a few current elements explain the scan: field
and errors are then theirs, and nothing that was learned is in them. Above 1 it is unlike them (unlike_training): no
error and no bound are named then, and standard error says so. A best.pth says all that; other checkpoints of a
training may not, and what they do not say is left empty. Standard error also names scans that look too small or too
coarse for what they hold, which the model need not notice; rim_share, rim_peak and pitch_limit_share in trust.csv
decide that (docs/own-data.md).

Of a folder, what cannot be used is named at the end, after the rest is done, and the exit status is then 2; trust.csv
has a row for each result of the call, also after Ctrl-C, and none for an input that was refused. Text files (.txt,
.csv) without coordinates and numbers are no scans: they are skipped, with a warning.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.acquire.readers.planes import SCAN_TOLERANCE, checked_tolerance
from emfm.acquire.readers.sniff import TEXTS
from emfm.core.channels import Channels
from emfm.core.covered import COVERED_PERCENT
from emfm.core.grid import Geometry
from emfm.core.scan_checks import ScanChecks, check_scans, scan_warnings
from emfm.model.trained import TrainedModel, find_device
from emfm.plates.ground_plane import Board
from emfm.plates.known_board import FieldOverBoard, fields_over_board
from emfm.plates.plate_search import plate_search
from emfm.tasks.forward.board_options import add_board_options, given_boards, refuse_boards
from emfm.tasks.forward.scan_outputs import ScanOutputs, add_options
from emfm.use.field_files import list_inputs, read_source_h
from emfm.use.forward_model import CHUNK
from emfm.use.result_formats import FORMATS, TENSOR
from emfm.use.scans import refuse_scans
from ttt.command import run_command
from ttt.config import UserError
from ttt.files import write_text
from ttt.inputs import Refusals, refuse_place
from ttt.log import LOG
from ttt.program import called_as
from ttt.watch.progress import log_to_stderr

TRUST_FILE: Final = "trust.csv"
_MM: Final = 1e-3
_SHOWN: Final = 5
_UNKNOWN: Final = np.array(math.nan)
_COLUMNS: Final = (
    "input",
    "expected_rel_l2_e",
    "expected_rel_l2_h",
    "bound_rel_l2_e",
    "bound_rel_l2_h",
    "unlike_training",
    "distance",
    "rim_share",
    "rim_peak",
    "pitch_limit_share",
    "scan_too_small",
    "scan_too_coarse",
    "ground_plane_given",
    "is_of_board",
)
"""Of trust.csv."""
_NOT_CALIBRATED: Final = "the checkpoint does not say how far to trust it: it was not calibrated; a best.pth is"
_HINT: Final = f"A file that is no scan was taken for one because it ends with {' or '.join(TEXTS)}: move it away."


@dataclass(frozen=True)
class _OverBoard:
    """What the currents on the board that was given say."""

    is_field: bool
    """Whether the prediction is their field, and not the model's."""
    expected: tuple[float, float]
    """Relative errors of their E and H."""
    misfit: float
    """What they leave of the scan, relative."""
    warning: str

    @classmethod
    def of(cls, found: FieldOverBoard) -> Self:
        """Without the fields, which are large."""
        currents = found.currents
        return cls(found.is_of_board, currents.expected_rel_l2, currents.misfit, currents.warning)


@dataclass(frozen=True)
class _Said:
    """What the model says of its prediction from one input."""

    path: Path
    expected: tuple[float, float]
    """Relative errors of E and H; NaN where it says nothing, as where the scan is unlike the training samples."""
    bound: tuple[float, float]
    """What 90 % of such errors are at most; NaN likewise."""
    distance: float
    scan: ScanChecks
    """What the scan itself shows of its size and pitch."""
    over_board: _OverBoard | None = None
    """Where a board was given."""

    @property
    def row(self) -> tuple[Any, ...]:
        """Of trust.csv."""
        unlike = None if math.isnan(self.distance) else self.distance > 1
        scan = self.scan
        checked = (scan.rim_share, scan.rim_peak, scan.pitch_limit_share, scan.too_small, scan.too_coarse)
        return (
            self.path.name,
            *self.expected,
            *self.bound,
            unlike,
            self.distance,
            *checked,
            self.over_board is not None,
            None if self.over_board is None else self.over_board.is_field,
        )

    @property
    def line(self) -> str:
        """The same in words, without the checks of the scan."""
        (e, h), (most_e, most_h) = self.expected, self.bound
        if self.over_board is not None and self.over_board.is_field:
            return (
                f"field of currents on the board given, not of the model; expected relative error: E {e:.2g}, "
                f"H {h:.2g}; {COVERED_PERCENT} % bound: E {most_e:.2g}, H {most_h:.2g}; "
                f"left of the scan: {self.over_board.misfit:.2g}"
            )
        if math.isnan(self.distance):
            return _NOT_CALIBRATED
        errors = "not known, the scan is unlike the training samples" if self.distance > 1 else f"E {e:.2g}, H {h:.2g}"
        bounds = "" if math.isnan(most_e) else f"; {COVERED_PERCENT} % bound: E {most_e:.2g}, H {most_h:.2g}"
        said = f"expected relative error: {errors}{bounds}; distance from the training samples: {self.distance:.2g}"
        if self.over_board is None:
            return said
        (e, h), left = self.over_board.expected, self.over_board.misfit
        return (
            f"field of the model, as currents on the board given are expected to be off by E {e:.2g}, H {h:.2g} and "
            f"leave {left:.2g} of the scan; {said}"
        )

    @property
    def warnings(self) -> list[str]:
        """Of this scan alone, on its size, its pitch, and whether it is unlike the training samples."""
        unlike = ["unlike the training samples, so that nothing is known of the error"] if self.distance > 1 else []
        return [*unlike, *self.board_warnings, *scan_warnings([self.path.name], ScanChecks.joined([self.to_warn_of]))]

    @property
    def to_warn_of(self) -> ScanChecks:
        """What the scan shows, but for its size where the field is that of currents on the board that was given.

        Those that the scan does not see are in the error that is expected then.
        """
        if self.over_board is None or not self.over_board.is_field:
            return self.scan
        return replace(self.scan, rim_share=_UNKNOWN, rim_peak=_UNKNOWN)

    @property
    def board_warnings(self) -> list[str]:
        """Whether the board that was given does not explain the scan."""
        over_board = self.over_board
        return [over_board.warning] if over_board is not None and over_board.is_field and over_board.warning else []


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.forward.infer"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to predict with")
    parser.add_argument("--input", type=Path, required=True, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="where the results go")
    parser.add_argument("--out_format", choices=list(FORMATS), default=TENSOR, help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s")
    parser.add_argument(
        "--position_tolerance_mm",
        type=float,
        metavar="X",
        help="how far from its place a point of a scan may lie in x, y and z, mm; default: "
        f"{100 * SCAN_TOLERANCE:g} %% of the pitch of the model's source plane",
    )
    add_options(parser)
    add_board_options(
        parser,
        "the field of all inputs is then that of currents on it, or the model's where these may be off by much",
        of_folder=True,
    )
    return run_command(_infer, parser.parse_args(arguments))


def _infer(args: argparse.Namespace) -> None:
    log_to_stderr()
    targets, written = _targets(args), FORMATS[args.out_format]
    boards = given_boards(args, targets)
    outputs = ScanOutputs.of(args, len(targets), boards)
    _refuse_places(args, targets, outputs)
    predict = TrainedModel(args.ckpt, find_device(args.device))
    refuse_boards(args, boards, predict.geometry)
    given = args.position_tolerance_mm
    tolerance = checked_tolerance(None if given is None else given * _MM, predict.geometry.source, SCAN_TOLERANCE)
    table = args.out / TRUST_FILE if args.input.is_dir() else None
    refusals = Refusals(folder=table is not None)
    said: list[_Said] = []
    try:
        with tqdm(total=len(targets), desc="infer", unit="file", disable=not sys.stderr.isatty()) as bar:
            for paths in _chunks(targets):
                scans = _usable(paths, predict.geometry, tolerance, refusals)
                bar.update(len(paths) - len(scans))
                for prediction, words, found in _predicted(predict, boards, scans):
                    with refusals.kept():
                        _refuse_not_finite(prediction, words.path)
                        if table is not None and not said:
                            table.unlink(missing_ok=True)  # an earlier call's, which is not about these results
                        written.write(targets[words.path], prediction, predict.geometry)
                        said.append(words)
                        if outputs.needed:
                            scan = scans[words.path]
                            below = found or predict.explained.sources(scan[None])[0]
                            own = targets[words.path], predict.geometry, scan, prediction, below
                            outputs.add(words.path, *own, words.line, words.warnings)
                    bar.update()
    except KeyboardInterrupt:
        LOG.warning("stopped: %d of %d inputs are predicted", len(said), len(targets))
        raise
    finally:
        if said:
            _report(said, table, predict.facts.calibrated or bool(boards))
        outputs.finish()
    refused = set(targets) - {words.path for words in said}
    refusals.raise_any(len(targets), _HINT if any(path.suffix.lower() in TEXTS for path in refused) else "")


def _targets(args: argparse.Namespace) -> dict[Path, Path]:
    """Where the result of each input goes; raises UserError where it cannot go there."""
    is_file = FORMATS[args.out_format].is_file
    if args.input.is_dir():
        name = "{}_pred.npy" if is_file else "{}"
        targets = {path: args.out / name.format(path.stem) for path in list_inputs(args.input)}
    else:
        targets = {args.input: args.out}
        if is_file and args.out.suffix != ".npy":
            raise UserError(f"--out: found '{args.out}'; the tensor of one file goes to a .npy file")
        if not is_file and args.out.exists() and not args.out.is_dir():
            raise UserError(f"--out: found '{args.out}', a file; the tables of one file go to a folder")
    return targets


def _refuse_places(args: argparse.Namespace, targets: dict[Path, Path], outputs: ScanOutputs) -> None:
    """Raise UserError where what is written would replace an input or something else that is written."""
    written = FORMATS[args.out_format].files
    files = {path: [*written(target), *outputs.files(path, target)] for path, target in targets.items()}
    refuse_place(args.input, args.out, files)


def _chunks(targets: dict[Path, Path]) -> Iterable[list[Path]]:
    paths = list(targets)
    return (paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK))


def _usable(
    paths: list[Path], geometry: Geometry, tolerance: float, refusals: Refusals
) -> dict[Path, NDArray[np.float32]]:
    """The scans in those of the files that can be predicted from."""
    scans = {}
    for path in paths:
        with refusals.kept():
            scan = _read(path, geometry, tolerance)
            refuse_scans(scan[None], [str(path)], geometry.source, geometry.frequency)
            scans[path] = scan
    return scans


def _read(path: Path, geometry: Geometry, tolerance: float) -> NDArray[np.float32]:
    try:
        return read_source_h(path, geometry.source, geometry.frequency, tolerance)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def _predicted(
    predict: TrainedModel, boards: Mapping[Path, Board], scans: dict[Path, NDArray[np.float32]]
) -> Iterable[tuple[Channels, _Said, FieldOverBoard | None]]:
    """The prediction from each scan, what is said of it, and what was found on its board where one was given."""
    for board, group in groupby(scans, boards.get):
        paths = list(group)
        given = np.stack([scans[path] for path in paths])
        yield from _of_model(predict, paths, given) if board is None else _of_board(predict, board, paths, given)


def _of_board(
    predict: TrainedModel, board: Board, paths: list[Path], given: NDArray[np.float32]
) -> Iterable[tuple[Channels, _Said, FieldOverBoard]]:
    """The same of scans over one board."""
    search, checks = plate_search(board, predict.geometry), check_scans(given)
    for row, (path, found) in enumerate(zip(paths, fields_over_board(predict, search, given), strict=True)):
        said = _pair(found.expected_rel_l2), _pair(found.bound_rel_l2), found.distance
        yield found.channels, _Said(path, *said, checks[row], _OverBoard.of(found)), found


def _of_model(
    predict: TrainedModel, paths: list[Path], given: NDArray[np.float32]
) -> Iterable[tuple[Channels, _Said, None]]:
    """The same of scans of which no board is known."""
    checks, judged = check_scans(given), zip(paths, *predict.predict_with_trust(given), strict=True)
    nothing = None if predict.facts.calibrated else (math.nan, math.nan)
    for row, (path, prediction, expected, bound, distance) in enumerate(judged):
        apart = math.nan if nothing else float(distance)
        yield prediction, _Said(path, nothing or _pair(expected), nothing or _pair(bound), apart, checks[row]), None


def _pair(of_e_and_h: NDArray[np.float64]) -> tuple[float, float]:
    return float(of_e_and_h[0]), float(of_e_and_h[1])


def _refuse_not_finite(prediction: Channels, source: Path) -> None:
    if not np.isfinite(prediction).all():
        raise UserError(
            f"{source}: what the model predicts from it holds NaN or Inf and is not written; check the scan's unit"
        )


def _report(said: list[_Said], table: Path | None, calibrated: bool) -> None:
    """Say how far to trust each prediction: in ``table``, or on one line where there is none."""
    if not calibrated:
        LOG.warning(_NOT_CALIBRATED)
    if table is not None:
        frame = pd.DataFrame([words.row for words in said], columns=_COLUMNS)
        write_text(table, frame.to_csv(index=False, lineterminator="\n"))
    elif calibrated:
        sys.stdout.write(f"{said[0].line}\n")
    for words in said:
        for warning in words.board_warnings:
            LOG.warning("%s: %s", words.path.name, warning)
    unlike = [words.path.name for words in said if words.distance > 1]
    if unlike:
        shown = ", ".join(unlike[:_SHOWN]) + (f" and {len(unlike) - _SHOWN} more" if len(unlike) > _SHOWN else "")
        LOG.warning("unlike the training samples, so that nothing is known of the error: %s", shown)
    checks = ScanChecks.joined([words.to_warn_of for words in said])
    for warning in scan_warnings([words.path.name for words in said], checks):
        LOG.warning("%s", warning)


if __name__ == "__main__":
    sys.exit(main())
