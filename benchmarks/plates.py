"""What a known ground plane is worth: currents on the board, the better of these and the model, and dipoles.

    python benchmarks/plates.py [--boards 40] [--ckpt models/stage5/best.pth]

Simulated boards, none of the pipeline's, their scans with noise 40 dB below. By the first half of them the factors of
the expected error and of its bound in emfm.plates.plate_search are set, and by all of them when emfm.plates.known_board
takes the model's field. Some of them with an outline or a height that is wrong. Then the reference boards of
data/reference/board_cases.npz, one by one. Writes plates.md in reports/benchmarks/. It takes some ten seconds a board,
and a reference board some twenty.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from machine import OUT, ROOT, description, pin_libraries

from ttt.files import write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emfm.acquire.scene_kinds.board_plates import BoardDesign
    from emfm.core.grid import Geometry, Grid
    from emfm.model.trained import TrainedModel
    from emfm.plates.ground_plane import Board
    from emfm.settings import Params

SEED = 2_000_000
"""Of the boards: none of the pipeline's."""
NOISE_DB = 40.0
STEP, REFERENCE_STEP = 4, 2
"""The search's errors are taken at every so manieth point of the target plane along x and y: on simulated boards, on
the reference boards."""
FAR_M, FAR_POINTS = 0.3, 9
"""Five wavelengths above the board, and as far to each side; points along x and along y."""
WRONG: Final = 4
"""Boards whose plate is given wrongly."""
OUTLINE_OFF_MM, HEIGHT_OFF_MM = 1.0, 0.2
REFERENCE = ROOT / "data/reference/board_cases.npz"


@dataclass(frozen=True)
class Case:
    """A board, its scan and its field."""

    name: str
    board: "Board | None"
    scan: "NDArray[np.float32]"
    """``(4, ny, nx)``, A/m."""
    field: "NDArray[np.complex128]"
    """``(6, ny, nx)`` on the target plane."""
    far: "NDArray[np.complex128] | None" = None
    """``(6, P)`` at the points of `far_plane`; None where it is not known."""


@dataclass(frozen=True)
class Found:
    """Relative errors of E and of H of one case, and what was expected of them."""

    of_board: "NDArray[np.float64]"
    """Of the field of the currents on the board."""
    errors: "NDArray[np.float64]"
    """Of the field that is given: that one, or the model's."""
    is_of_board: bool
    """Which of both it is."""
    expected: "NDArray[np.float64]"
    bound: "NDArray[np.float64]"
    """Of the field that is given."""
    misfit: float
    seconds: float
    far: "NDArray[np.complex128]"
    """Of the currents on the board, ``(6, P)`` at the points of `far_plane`."""


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=40, help="simulated boards; default: %(default)s")
    parser.add_argument("--ckpt", type=Path, default=ROOT / "models/stage5/best.pth", help="default: %(default)s")
    args = parser.parse_args()
    pin_libraries()
    page = measure(args.boards, args.ckpt)
    write_text(OUT / "plates.md", page)
    sys.stdout.write(page)


def measure(count: int, checkpoint: Path) -> str:
    """The tables; libraries must be pinned before."""
    from emfm.model.trained import TrainedModel, find_device
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    trained = TrainedModel(checkpoint, find_device("cpu"))
    drawn = list(simulated(params, trained.geometry, count))
    return "\n".join(
        [
            "# A known ground plane",
            "",
            f"`python benchmarks/plates.py --boards {count}` on {description()}.",
            "Relative L2 errors on the target plane, E / H. Default model: `models/stage5/best.pth`, which knows no",
            "outline. Board: the search over the board whose ground plane is known. Given: what `infer` and `predict`",
            "give then, that field or the model's (docs/plates.md), with its expected error and bound.",
            "",
            *reference_rows(trained),
            "",
            *simulated_rows(drawn, trained),
            "",
        ]
    )


def reference_rows(trained: "TrainedModel") -> list[str]:
    """The boards that an independent program solved."""
    import numpy as np

    from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
    from emfm.results.schema import read_val_results
    from emfm.workflow.paths import VAL_RESULTS

    chosen = read_val_results(ROOT / VAL_RESULTS).equivalent_dipoles
    dipoles = dipole_operator(
        trained.geometry, DipoleSetting(depth=chosen.depth, margin=chosen.margin, tikhonov=chosen.tikhonov)
    )
    lines, all_errors = [], []
    for case in reference():
        of_model = relative(predicted(trained, case.scan), case.field)
        of_dipoles = relative(from_channels(dipoles.apply(case.scan[None])[0]), case.field)
        if case.board is None:
            of_board = given = of_model
            told = "no ground plane | | | "
        else:
            found = over_board(case, case.board, trained, REFERENCE_STEP)
            of_board, given = found.of_board, found.errors
            numbers = f"{pair(found.expected)} | {pair(found.bound)} | {found.misfit:.3f}"
            told = f"{'board' if found.is_of_board else 'model'} | {numbers}"
        all_errors.append([of_model, of_dipoles, of_board, given])
        lines.append(f"| {case.name} | {' | '.join(map(pair, all_errors[-1]))} | {told} |")
    medians = np.median(all_errors, axis=0)
    return [
        "## Reference boards",
        "",
        "Scans without noise; the errors with the board at every second point along x and y. It takes the copper at",
        "z = 0, one pitch below the scan.",
        "",
        "| case | default model | dipoles | board | given | is of the | expected | 90 % bound | left of the scan |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        f"| **median of all {len(lines)}** | {' | '.join(f'**{pair(each)}**' for each in medians)} | | | | |",
    ]


def simulated_rows(drawn: list[Case], trained: "TrainedModel") -> list[str]:
    """Simulated boards: as they are, and with a plate that is given wrongly."""
    import numpy as np

    of_model = np.array([relative(some(predicted(trained, case.scan)), some(case.field)) for case in drawn])
    right = [over_board(case, case.board, trained) for case in drawn if case.board]
    half = len(right) // 2
    expected = np.array([one.expected for one in right])
    quarters = np.array_split(np.argsort(expected[:, 0]), 4)
    wrong = [
        (f"outline larger by {OUTLINE_OFF_MM:g} mm at each side", {"grown": OUTLINE_OFF_MM}),
        (f"outline moved by {OUTLINE_OFF_MM:g} mm along x", {"moved": OUTLINE_OFF_MM}),
        (f"plate lower by {HEIGHT_OFF_MM:g} mm", {"lower": HEIGHT_OFF_MM}),
    ]
    rows = [
        row("as it is", right, of_model),
        row("the first half, by which factors were set", right[:half], of_model[:half]),
        row("the other half", right[half:], of_model[half:]),
        row(f"as it is, the first {WRONG}", right[:WRONG], of_model[:WRONG]),
    ]
    for name, change in wrong:
        plates = [(case, changed(case.board, **change)) for case in drawn[:WRONG] if case.board]
        rows.append(row(name, [over_board(case, board, trained) for case, board in plates], of_model[:WRONG]))
    return [
        f"## {len(drawn)} simulated boards, noise {NOISE_DB:g} dB below",
        "",
        "Plates, nets and loose elements as `acquire.simulate.scenes.boards` draws them, without cables and slots.",
        f"In the median, and in 90 % of the boards. Wrong plates: the first {WRONG} boards.",
        "",
        "| ground plane given | default model | board | given | expected | covered by the bound | left of the scan |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        f"Time of a scan, the field at every {STEP}th point along x and y of the target plane "
        f"included: {np.median([one.seconds for one in right]):.1f} s of processor time.",
        "",
        *far_rows(drawn, right, trained, quarters),
        "",
        "| by expected error of E | expected | default model | board | given |",
        "|---|---|---|---|---|",
        *(
            f"| quarter {number} | {np.median(expected[of, 0]):.2g} | {pair(np.median(of_model[of], axis=0))} | "
            f"{pair(np.median([right[place].of_board for place in of], axis=0))} | "
            f"{pair(np.median([right[place].errors for place in of], axis=0))} |"
            for number, of in enumerate(quarters, 1)
        ),
    ]


def far_rows(
    drawn: list[Case], right: list[Found], trained: "TrainedModel", quarters: "list[NDArray[np.intp]]"
) -> list[str]:
    """How far the strongest level far above is off: by sources in free space, and by currents on the board."""
    import numpy as np

    sources = trained.explained.sources(np.stack([case.scan for case in drawn]))
    points = far_plane().points()
    free = [np.concatenate(found.all_elements.fields(points), axis=1).T for found in sources]
    true = [case.far for case in drawn if case.far is not None]
    by_sources, by_board = (
        np.array([abs(strongest_db(field) - strongest_db(case)) for field, case in zip(fields, true, strict=True)])
        for fields in (free, [one.far for one in right])
    )
    least = quarters[0]
    return [
        f"The strongest E on a plane {FAR_M:g} m above, {2 * FAR_M:g} m wide, is off by:",
        "",
        "| field of | median, dB | 90 %, dB | quarter with the least expected error, median, dB |",
        "|---|---|---|---|",
        *(
            f"| {name} | {np.median(off):.2f} | {np.percentile(off, 90):.2f} | {np.median(off[least]):.2f} |"
            for name, off in (("sources in free space", by_sources), ("currents on the board", by_board))
        ),
    ]


def row(name: str, found: list[Found], of_model: "NDArray[np.float64]") -> str:
    """Of one way to give the plate."""
    import numpy as np

    of_board, errors, expected, bound = (
        np.array([getattr(one, key) for one in found]) for key in ("of_board", "errors", "expected", "bound")
    )
    spans = (
        f"{pair(np.median(each, axis=0))}, {pair(np.percentile(each, 90, axis=0))}"
        for each in (of_model, of_board, errors)
    )
    covered = 100 * np.mean(errors <= bound, axis=0)
    return (
        f"| {name} | {' | '.join(spans)} | {pair(np.median(expected, axis=0))} | "
        f"{covered[0]:.0f} / {covered[1]:.0f} % | {np.median([one.misfit for one in found]):.3f} |"
    )


def reference() -> Iterator[Case]:
    """The reference boards."""
    from emfm.evaluate.known_boards import board_of
    from emfm.evaluate.reference_cases import read_reference_cases

    cases = read_reference_cases(REFERENCE)
    rows = zip(cases.ids, cases.properties, cases.source_h, cases.target, strict=True)
    for name, properties, scan, target in rows:
        yield Case(name, board_of(properties), scan, from_channels(target))


def simulated(params: "Params", geometry: "Geometry", count: int) -> Iterator[Case]:
    """Boards of the pipeline's own kind, whose plate is a whole rectangle."""
    import numpy as np

    from emfm.acquire.scene_kinds.board_plates import BoardsParams
    from emfm.acquire.scene_kinds.boards import Boards
    from emfm.acquire.scenes import Planes

    simulate = params.acquire.simulate
    whole = {"cable_share": 0.0, "slot_share": 0.0, "no_plate_share": 0.0}
    kind = Boards(BoardsParams(**simulate.scenes["boards"] | whole), simulate, geometry)
    planes = Planes((geometry.source, geometry.target, far_plane()), geometry.frequency)
    on_scan, on_both = np.cumsum([len(plane.points()) for plane in planes.grids[:2]])
    for number in range(count):
        rng = np.random.default_rng((SEED, number))
        design = kind.draw_shared(rng)
        parts = kind.draw_on(design, rng).fields(planes)
        fields = (parts[:, :, 0] + 1j * parts[:, :, 1]).reshape(6, -1)
        scan = fields[3:5, :on_scan].reshape(2, *geometry.source.shape)
        size = np.sqrt(np.mean(np.abs(scan) ** 2) * 10 ** (-NOISE_DB / 10) / 2)
        scan = scan + size * (rng.standard_normal(scan.shape) + 1j * rng.standard_normal(scan.shape))
        channels = np.stack([scan.real, scan.imag], 1).reshape(4, *geometry.source.shape).astype(np.float32)
        target = fields[:, on_scan:on_both].reshape(6, *geometry.target.shape)
        yield Case(str(number), plate_of(design), channels, target, fields[:, on_both:])


def far_plane() -> "Grid":
    """Where the far field is compared."""
    from emfm.core.grid import Grid

    pitch = 2 * FAR_M / (FAR_POINTS - 1)
    return Grid(-FAR_M, -FAR_M, pitch, pitch, FAR_POINTS, FAR_POINTS, FAR_M)


def strongest_db(field: "NDArray[np.complex128]") -> float:
    """The largest size of E of ``(6, P)``, dB."""
    import numpy as np

    return float(20 * np.log10(np.linalg.norm(field[:3], axis=0).max()))


def plate_of(design: "BoardDesign") -> "Board":
    """The ground plane as a user would give it."""
    from emfm.plates.ground_plane import Board

    grid, (row, column), (rows, columns) = design.board.grid, design.board.first, design.board.cells
    x_first, y_first = grid.x_first + column * grid.side, grid.y_first + row * grid.side
    x_mm = float(1e3 * x_first), float(1e3 * (x_first + columns * grid.side))
    y_mm = float(1e3 * y_first), float(1e3 * (y_first + rows * grid.side))
    return Board(x_mm, y_mm, float(1e3 * grid.heights[0]))


def changed(board: "Board", grown: float = 0.0, moved: float = 0.0, lower: float = 0.0) -> "Board":
    """The same with a mistake, mm."""
    from emfm.plates.ground_plane import Board

    (left, right), (low, high) = board.x_mm, board.y_mm
    return Board((left - grown + moved, right + grown + moved), (low - grown, high + grown), board.z_mm - lower)


def over_board(case: Case, board: "Board", trained: "TrainedModel", step: int = STEP) -> Found:
    """The search over a board, and the field that is given with it."""
    import numpy as np

    from emfm.plates.known_board import fields_over_board
    from emfm.plates.plate_search import plate_search

    target = trained.geometry.target
    search = plate_search(board, trained.geometry)
    started = time.process_time()
    (found,) = fields_over_board(trained, search, case.scan[None])
    y, x = np.arange(target.ny)[::step], np.arange(target.nx)[::step]
    points = target.points().reshape(*target.shape, 3)[np.ix_(y, x)].reshape(-1, 3)
    field = found.currents.fields(points).reshape(6, len(y), len(x))
    spent = time.process_time() - started
    true = case.field[:, ::step, ::step]
    given = field if found.is_of_board else from_channels(found.channels)[:, ::step, ::step]
    return Found(
        relative(field, true),
        relative(given, true),
        found.is_of_board,
        found.expected_rel_l2,
        found.bound_rel_l2,
        found.currents.misfit,
        spent,
        found.currents.fields(far_plane().points()),
    )


def predicted(trained: "TrainedModel", scan: "NDArray[np.float32]") -> "NDArray[np.complex128]":
    """E and H of the model, ``(6, ny, nx)``."""
    return from_channels(trained(scan[None])[0])


def some(field: "NDArray[np.complex128]") -> "NDArray[np.complex128]":
    """The field at the points at which simulated boards are compared."""
    return field[:, ::STEP, ::STEP]


def from_channels(channels: "NDArray[np.floating]") -> "NDArray[np.complex128]":
    """Complex components of real channels."""
    import numpy as np

    from emfm.core.channels import to_components

    return np.asarray(to_components(np.asarray(channels, np.float64)), complex)


def relative(field: "NDArray[np.complex128]", true: "NDArray[np.complex128]") -> "NDArray[np.float64]":
    """Of E and of H."""
    import numpy as np

    return np.array([np.linalg.norm((field - true)[of]) / np.linalg.norm(true[of]) for of in (slice(3), slice(3, 6))])


def pair(errors: "NDArray[np.float64]") -> str:
    """E / H."""
    return f"{errors[0]:.3f} / {errors[1]:.3f}"


if __name__ == "__main__":
    main()
