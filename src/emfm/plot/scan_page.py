"""The page of one scan or of several: sources on the scan, the predicted field, and its levels far away.

It is one HTML file that opens without a network, with the viewer's parts of the report page in it.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from emfm.core.channels import E_COMPONENTS, H_COMPONENTS, TARGET_COMPONENTS, Real
from emfm.core.grid import in_mm as to_mm
from emfm.plot.origins.origin import Mark
from emfm.plot.page_data import COLOUR_MAPS, colours, in_mm
from emfm.plot.page_html import as_json, render
from emfm.plot.scan_picture import DEEPEST, map_range
from emfm.plot.scan_report import BoardPicture, ScanReport
from emfm.plot.stored_fields import StoredField, stored

MOST_SCANS: Final = 100
"""On one page: it holds every field, some 90 kB each of the default planes."""

_SCRIPTS: Final = ("fields.js", "look.js", "scans.js")


@dataclass(frozen=True)
class DrawnScan:
    """What the script draws of one scan."""

    levels: list[list[float]]
    """Of the tangential H, rows along y, dB(uA/m)."""
    field: StoredField
    """The prediction."""
    marks: list[Mark]
    outline_mm: list[float] | None
    """Of the ground plane, where one is known: x and y of the lower left and of the upper right corner."""
    x_range: list[float]
    y_range: list[float]


@dataclass(frozen=True)
class DrawnBoard:
    """The picture below the scan."""

    source: str
    """As a data address."""
    extent_mm: list[float]


@dataclass(frozen=True)
class DrawnScans:
    """What the page's script reads."""

    scan_x_mm: list[float]
    scan_y_mm: list[float]
    x_mm: list[float]
    y_mm: list[float]
    z_mm: str
    """Height of the predicted field."""
    components: list[str]
    vectors: dict[str, list[str]]
    deepest: float
    colours: list[str]
    board: DrawnBoard | None
    scans: list[DrawnScan]


def scan_page(reports: Sequence[ScanReport], board: BoardPicture | None = None) -> str:
    """The page of scans of one geometry, of which there is one or more."""
    data = as_json(drawn_scans(reports, board))
    scan_z = to_mm(reports[0].geometry.source.z)
    return render("scan.html", _SCRIPTS, data=data, reports=reports, board=board, deepest=DEEPEST, scan_z=scan_z)


def drawn_scans(reports: Sequence[ScanReport], board: BoardPicture | None) -> DrawnScans:
    """What the script draws of ``reports``."""
    source, target = reports[0].geometry.source, reports[0].geometry.target
    return DrawnScans(
        scan_x_mm=in_mm(source.x),
        scan_y_mm=in_mm(source.y),
        x_mm=in_mm(target.x),
        y_mm=in_mm(target.y),
        z_mm=to_mm(target.z),
        components=list(TARGET_COMPONENTS),
        vectors={"E": list(E_COMPONENTS), "H": list(H_COMPONENTS)},
        deepest=DEEPEST,
        colours=colours(COLOUR_MAPS["strength"]),
        board=None if board is None else _drawn_board(board),
        scans=[_drawn_scan(report) for report in reports],
    )


def _drawn_board(board: BoardPicture) -> DrawnBoard:
    text = b64encode(board.content).decode("ascii")
    return DrawnBoard(f"data:{board.kind};base64,{text}", list(board.extent_mm))


def _drawn_scan(report: ScanReport) -> DrawnScan:
    x_range, y_range = map_range(report)
    return DrawnScan(
        levels=_finite(report.scan_levels),
        field=stored(report.prediction),
        marks=[_rounded(mark) for mark in report.origin.marks],
        outline_mm=None if report.origin.outline_mm is None else list(report.origin.outline_mm),
        x_range=list(x_range),
        y_range=list(y_range),
    )


def _rounded(mark: Mark) -> Mark:
    """To what a screen shows, as a board has many."""
    x, y, size, *pairs = (round(value, 4) for value in (mark.x, mark.y, mark.size, *mark.across, *mark.spread))
    return replace(mark, x=x, y=y, size=size, across=(pairs[0], pairs[1]), spread=(pairs[2], pairs[3]))


def _finite(levels: Real) -> list[list[float]]:
    """To 0.01 dB; a point without field has no level."""
    rounded: list[list[float]] = np.where(np.isfinite(levels), np.round(levels, 2), np.nan).tolist()
    return rounded
