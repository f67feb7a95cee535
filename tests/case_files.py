"""Solved cases written as files, independently of the project's own writers."""

from pathlib import Path

import numpy as np

from emfm.acquire.readers.base import WantedPlane
from emfm.core.grid import Geometry, Grid

GEOMETRY = Geometry(5e9, Grid(-2e-3, -1e-3, 1e-3, 1e-3, 4, 3, 1e-3), Grid(-3e-3, -1.5e-3, 1.5e-3, 0.5e-3, 5, 4, 5e-3))
SOURCE = ("Hx_re", "Hx_im", "Hy_re", "Hy_im")
E_FIELD = ("Ex_re", "Ex_im", "Ey_re", "Ey_im", "Ez_re", "Ez_im")
H_FIELD = ("Hx_re", "Hx_im", "Hy_re", "Hy_im", "Hz_re", "Hz_im")


def wanted(channels=SOURCE, grid=GEOMETRY.source):
    """A field at the cases' frequency."""
    return WantedPlane(channels, grid, GEOMETRY.frequency)


def random_case(seed, geometry=GEOMETRY):
    """Source H and target with values of any size that a field may have."""
    rng = np.random.default_rng(seed)
    source, target = ((4, *geometry.source.shape), (12, *geometry.target.shape))
    return tuple(
        (rng.normal(size=shape) * 10.0 ** rng.uniform(-9, 6, size=shape)).astype(np.float32)
        for shape in (source, target)
    )


def table_of(fields, grid, length=1e-3):
    """``(points, 3 + channels)`` with coordinates in the unit ``length``; x varies slowest here."""
    rows = []
    for column in range(grid.nx):
        for row in range(grid.ny):
            x, y = grid.x_first + column * grid.pitch_x, grid.y_first + row * grid.pitch_y
            point = [round(value / length, 9) for value in (x, y, grid.z)]
            rows.append([*point, *(float(value) for value in fields[:, row, column])])
    return rows


def csv_text(names, fields, grid, seed=None):
    """A CSV table; with a seed, rows and columns are shuffled."""
    names, rows = ["x", "y", "z", *names], table_of(fields, grid)
    if seed is not None:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(names))
        names = [names[place] for place in order]
        rows = [[rows[number][place] for place in order] for number in rng.permutation(len(rows))]
    return "".join(",".join(map(str, line)) + "\n" for line in (names, *rows))


def write_csv_case(folder: Path, source_h, target, geometry=GEOMETRY, seed=None):
    """The three CSV files of a case."""
    folder.mkdir(parents=True)
    (folder / "source_H.csv").write_text(csv_text(SOURCE, source_h, geometry.source, seed))
    (folder / "target_E.csv").write_text(csv_text(E_FIELD, target[:6], geometry.target, seed))
    (folder / "target_H.csv").write_text(csv_text(H_FIELD, target[6:], geometry.target, seed))


def solver_text(names, fields, grid, units=("mm", "V/m", "A/m"), factors=(1e-3, 1.0, 1.0), dashes=True):
    """An ASCII export in the units of length, E and H, which are so many metres, V/m and A/m."""
    kinds = [1 if name.startswith("E") else 2 for name in names]
    header = [f"{axis} [{units[0]}]" for axis in "xyz"]
    header += [f"{name[:2]}{name[3:].capitalize()} [{units[kind]}]" for name, kind in zip(names, kinds, strict=True)]
    scales = np.array([factors[kind] for kind in kinds])[:, None, None]
    rows = table_of(np.asarray(fields, np.float64) / scales, grid, factors[0])
    lines = ["".join(f"{name:>18}" for name in header)]
    lines += ["-" * len(lines[0])] if dashes else []
    lines += ["".join(f"{value:>26.17g}" for value in row) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def write_solver_case(folder: Path, source_h, target, geometry=GEOMETRY):
    """The three ASCII exports of a case, with Hz in the source plane, as a solver writes them."""
    folder.mkdir(parents=True)
    three = np.concatenate([source_h, np.ones((2, *geometry.source.shape), np.float32)])
    (folder / "source_H.txt").write_text(solver_text(H_FIELD, three, geometry.source), newline="")
    (folder / "target_E.txt").write_text(solver_text(E_FIELD, target[:6], geometry.target), newline="")
    (folder / "target_H.txt").write_text(solver_text(H_FIELD, target[6:], geometry.target), newline="")


def write_npz_case(path: Path, source_h, target):
    """One npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x=source_h, y=target)
