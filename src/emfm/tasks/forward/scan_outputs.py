"""What infer writes of what it found below scans, beside the predictions: tables, pictures and a page."""

import argparse
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Channels
from emfm.core.grid import Geometry
from emfm.plates.known_board import FieldOverBoard
from emfm.plot.origins.board_currents import BoardCurrents
from emfm.plot.origins.free_sources import FreeSources
from emfm.plot.origins.origin import Origin
from emfm.plot.scan_page import MOST_SCANS, scan_page
from emfm.plot.scan_picture import scan_picture
from emfm.plot.scan_report import BoardPicture, ScanReport
from emfm.plot.style import save_png
from emfm.sources.found import PointSources
from emfm.use.current_table import write_currents
from emfm.use.source_table import write_sources
from ttt.config import UserError
from ttt.files import write_text

_PAGE: Final = ".html"
_PICTURE: Final = ".png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `ScanOutputs.of` reads."""
    group = parser.add_argument_group("where it comes from (docs/sources.md)")
    group.add_argument(
        "--sources",
        action="store_true",
        help="write <stem>_sources.csv beside each result: the current elements below the scan, with their place, "
        "moment, doubt and share of the field; of a board whose ground plane is given <stem>_currents.csv, the current "
        "in each cell of its copper",
    )
    group.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="write an .html page of all inputs, which opens offline: sources on the scan, predicted levels, levels "
        "far away against limits, warnings",
    )
    group.add_argument(
        "--png", type=Path, metavar="PATH", help="write the same as a .png picture; of a folder, a folder of pictures"
    )
    group.add_argument(
        "--board_picture", type=Path, metavar="FILE", help="a PNG or JPEG of the board from above, drawn below the scan"
    )
    group.add_argument(
        "--board_mm",
        type=float,
        nargs=4,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="where its lower left and upper right corners lie in the scan's coordinates, mm",
    )


@dataclass(frozen=True, eq=False)
class ScanOutputs:
    """What is written of each input, and what was gathered so far for the page."""

    tables: bool
    page: Path | None
    png: Path | None
    """A file; of a folder of inputs a folder."""
    board: BoardPicture | None
    of_folder: bool
    over_board: Container[Path]
    """Inputs of which currents on a board are found, whose ground plane was given, and not sources in free space."""
    gathered: list[ScanReport] = field(default_factory=list)

    @classmethod
    def of(cls, args: argparse.Namespace, inputs: int, over_board: Container[Path] = ()) -> Self:
        """From the options; raises UserError where they do not go together or with so many inputs."""
        folder = args.input.is_dir()
        if (args.board_picture is None) != (args.board_mm is None):
            raise UserError("--board_picture and --board_mm: give both, the picture and where it lies")
        if args.board_picture is not None and args.page is None and args.png is None:
            raise UserError("--board_picture: it is drawn by --page and --png; give one of them, too")
        if args.page is not None:
            _refuse_page(args.page, inputs)
        if args.png is not None:
            _refuse_png(args.png, folder)
        board = None if args.board_picture is None else BoardPicture.read(args.board_picture, tuple(args.board_mm))
        return cls(args.sources, args.page, args.png, board, folder, over_board)

    def files(self, path: Path, target: Path) -> list[Path]:
        """What is written of one input alone, whose prediction goes to ``target``."""
        page = [self.page] if self.page and not self.of_folder else []
        return [*self._tables(path, target), *self._pictures(path), *page]

    @property
    def needed(self) -> bool:
        """Whether anything was asked for, so that a search is worth its time."""
        return bool(self.tables or self.page or self.png)

    def add(
        self,
        path: Path,
        target: Path,
        geometry: Geometry,
        scan: NDArray[np.float32],
        prediction: Channels,
        found: PointSources | FieldOverBoard,
        trust: str,
        warnings: Sequence[str],
    ) -> None:
        """Write what was ``found`` below one scan and is its own, and keep what the page shows."""
        for table in self._tables(path, target):
            if isinstance(found, PointSources):
                write_sources(table, found)
            else:
                write_currents(table, found.currents.copper)
        if self.page or self.png:
            origin = _origin(found, prediction, geometry)
            report = ScanReport.of(path.name, geometry, scan, prediction, origin, trust, tuple(warnings))
            for picture in self._pictures(path):
                save_png(scan_picture(report, self.board), picture)
            if self.page:
                self.gathered.append(report)

    def finish(self) -> None:
        """Write the page of all that was added."""
        if self.page and self.gathered:
            write_text(self.page, scan_page(self.gathered, self.board))

    def _tables(self, path: Path, target: Path) -> list[Path]:
        name = "currents" if path in self.over_board else "sources"
        return [target.parent / f"{path.stem}_{name}.csv"] if self.tables else []

    def _pictures(self, path: Path) -> list[Path]:
        if self.png is None:
            return []
        return [self.png / f"{path.stem}{_PICTURE}" if self.of_folder else self.png]


def _origin(found: PointSources | FieldOverBoard, prediction: Channels, geometry: Geometry) -> Origin:
    if isinstance(found, PointSources):
        return FreeSources(found, prediction, geometry)
    return BoardCurrents(found.currents, max(geometry.source.pitch_x, geometry.source.pitch_y))


def _refuse_page(page: Path, inputs: int) -> None:
    if page.suffix != _PAGE:
        raise UserError(f"--page: found '{page}'; a page goes to an {_PAGE} file")
    if page.is_dir():
        raise UserError(f"--page: {page} is a folder; a page goes to a file")
    if inputs > MOST_SCANS:
        raise UserError(
            f"--page: found {inputs} inputs; a page holds {MOST_SCANS} at most. Put fewer into the folder, or use --png"
        )


def _refuse_png(png: Path, of_folder: bool) -> None:
    if of_folder and png.exists() and not png.is_dir():
        raise UserError(f"--png: found '{png}', a file; the pictures of a folder go to a folder")
    if not of_folder and png.suffix != _PICTURE:
        raise UserError(f"--png: found '{png}'; the picture of one file goes to a {_PICTURE} file")
