"""Scans that a model was not trained on, with the fields that belong to them, kind by kind: see trust_outside.py.

Everything is made anew by the project's own physics: free elements and cables at places of any sort, and scenes of the
training world that no set holds, whose scans are then spoiled as measurements are. No test set is opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from outside_world import HEIGHTS_MM, WINDOWS_MM, Random, Scans, World, solve_base

from emfm.acquire.scene_kinds.lines import MM, complex_normal, cut_line
from emfm.acquire.scenes import Scene
from emfm.core.channels import Complex, Components, Real, to_channels, to_components
from emfm.core.constants import ETA_0
from emfm.core.grid import Geometry, differences
from emfm.core.measurement import Measurement, MeasurementParams
from emfm.core.noise import with_noise
from emfm.evaluate.reference_cases import ReferenceCases, read_reference

USUAL: Final = 3
"""Elements of a scene of free elements, where the row says nothing else."""
EDGE_MM: Final = 0.4
"""How far beyond the half-width of the simulated box sources are searched by default: ``margin_mm``."""
CABLE_MM: Final = 60.0
CABLE_Z_MM: Final = -0.5


@dataclass(frozen=True)
class Row:
    """A kind of scans."""

    name: str
    make: Callable[[World, Random], Scans]
    can_be_seen: bool = True
    """Whether one scan alone can show what is wrong with it; otherwise the user must be asked."""


def all_rows(references: Mapping[str, str], geometry: Geometry) -> list[Row]:
    """Every kind of scans; the sets of ``eval.reference`` are among them where they are on the planes of ``geometry``.

    Raises DataError where a reference set is missing or damaged.
    """
    return [*trained_rows(), *scene_rows(), *instrument_rows(), *convention_rows(), *case_rows(references, geometry)]


def trained_rows() -> list[Row]:
    """The training world itself."""
    return [
        Row("as trained: new scenes, scans as measured", as_trained),
        Row("the same, clean scans", lambda world, _: world.base.clean),
    ]


def scene_rows() -> list[Row]:
    """Clean scans of sources that the training did not have, or not there."""
    inside = [(f"free elements in the usual box: {n}", partial(free_elements, count=n)) for n in (USUAL, 12, 25, 50)]
    beyond = [("0.4 to 1 mm", (0.4, 1.0)), ("5 to 15 mm", (5.0, 15.0))]
    draws: list[tuple[str, Draw]] = [
        *inside,
        *((f"outside the searched box by {name}", partial(beside_box, distance=where)) for name, where in beyond),
        *((f"3 inside and 1 outside by {name}", partial(one_beside_box, distance=where)) for name, where in beyond),
        *((f"deep, z = {z:g} mm", partial(deep_elements, z_mm=z)) for z in (-3.0, -5.0, -10.0)),
        *((f"infinite ground plane at z = {z:g} mm", partial(over_ground, ground_mm=z)) for z in (-1.6, -0.2)),
        (f"cable of {CABLE_MM:g} mm at z = {CABLE_Z_MM:g} mm", cable_below),
        ("3 elements and a cable at y = 12 mm", elements_and_cable),
    ]
    return [Row(name, drawn(draw)) for name, draw in draws]


def instrument_rows() -> list[Row]:
    """Scenes of the training world, scanned by an instrument that has more errors than the training knew."""
    return [
        *(Row(f"noise {snr:g} dB below the scan", partial(noisy, snr_db=snr)) for snr in (60, 50, 40, 30, 20, 10)),
        *(Row(f"points off by {mm:g} mm", partial(displaced, position_mm=mm)) for mm in (0.02, 0.1)),
        *(Row(f"height off by {mm:g} mm", read_as(f"height {mm:g}"), can_be_seen=False) for mm in HEIGHTS_MM),
        Row("a row of the scan is 0", changed(row_of_zeros)),
        Row("a row of the scan is interpolated", changed(row_interpolated)),
        *(Row(f"averaged over a probe of {mm**2:g} mm^2", read_as(f"window {mm:g}")) for mm in WINDOWS_MM),
        Row("phase drifts by 30 degrees over the scan", changed(drifting)),
        Row("phase of each point off by 20 degrees", changed(jittering)),
    ]


def convention_rows() -> list[Row]:
    """Scenes of the training world whose scans mean something else than the model takes them for."""
    return [
        Row("real part only", changed(lambda scan, _: scan.real + 0j)),
        Row("Hy = 0", changed(lambda scan, _: scan * _each(1, 0))),
        Row("magnitude only", changed(lambda scan, _: np.abs(scan) + 0j)),
        Row("Hx and Hy swapped", changed(lambda scan, _: scan[::-1])),
        Row("y flipped", changed(lambda scan, _: scan[:, ::-1])),
        Row("Hy of other sign", changed(lambda scan, _: scan * _each(1, -1))),
        Row("rms for peak values", changed(lambda scan, _: scan / np.sqrt(2)), can_be_seen=False),
        *(
            Row(f"scan at {ghz} GHz", partial(at_frequency, frequency=ghz * 1e9), can_be_seen=False)
            for ghz in (6, 1, 24)
        ),
    ]


def case_rows(references: Mapping[str, str], geometry: Geometry) -> list[Row]:
    """The reference sets by name, unless they are on other planes."""
    rows = []
    for name, place in references.items():
        cases = read_reference(Path(place), geometry, f"eval.reference.{name}")
        if not differences(geometry, cases.geometry):
            rows.append(Row(f"reference cases: {name}", partial(solved_elsewhere, cases=cases)))
    return rows


Draw = Callable[[World, Random], Scene]


def drawn(draw: Draw) -> Callable[[World, Random], Scans]:
    """The scans of as many scenes as are wanted."""
    return lambda world, rng: world.solved([draw(world, rng) for _ in range(world.scans)])


def places_in_box(world: World, rng: Random, count: int, lowest_mm: float | None = None) -> Real:
    """Uniform in the box of the simulation, ``(count, 3)``, m, at ``lowest_mm`` or above."""
    width, depth = world.simulate.half_width_mm, world.simulate.depth_mm
    lowest = -depth if lowest_mm is None else max(lowest_mm, -depth)
    return rng.uniform([-width, -width, lowest], [width, width, 0.0], (count, 3)) * MM


def driven(world: World, positions: Real, rng: Random) -> Scene:
    """Elements at ``positions``, electric or magnetic, with moments as those of the scene kind ``elements``."""
    count = len(positions)
    magnetic = rng.random(count) < 0.5
    ratio = np.where(magnetic, world.simulate.magnetic_moment_ratio * ETA_0, 1.0)
    moments = complex_normal(rng, count, 3) * (world.simulate.electric_moment * ratio)[:, None]
    return Scene(positions, magnetic, moments)


def free_elements(world: World, rng: Random, count: int = USUAL) -> Scene:
    """``count`` elements in the box of the simulation."""
    return driven(world, places_in_box(world, rng, count), rng)


def moved_out(world: World, positions: Real, rng: Random, distance: tuple[float, float]) -> Real:
    """The places with one coordinate each, x or y, moved out of the searched box by a ``distance``, mm."""
    count = len(positions)
    edge = world.simulate.half_width_mm + EDGE_MM
    moved = positions.copy()
    moved[np.arange(count), rng.integers(2, size=count)] = (
        rng.choice([-1, 1], count) * (edge + rng.uniform(*distance, count)) * MM
    )
    return moved


def beside_box(world: World, rng: Random, distance: tuple[float, float]) -> Scene:
    """Elements that are all outside of the searched box."""
    return driven(world, moved_out(world, places_in_box(world, rng, USUAL), rng, distance), rng)


def one_beside_box(world: World, rng: Random, distance: tuple[float, float]) -> Scene:
    """Elements in the box, and one outside."""
    positions = places_in_box(world, rng, USUAL + 1)
    positions[-1:] = moved_out(world, positions[-1:], rng, distance)
    return driven(world, positions, rng)


def deep_elements(world: World, rng: Random, z_mm: float) -> Scene:
    """Elements at one height, below the box."""
    positions = places_in_box(world, rng, USUAL)
    positions[:, 2] = z_mm * MM
    return driven(world, positions, rng)


def over_ground(world: World, rng: Random, ground_mm: float) -> Scene:
    """Elements over an infinite, perfectly conducting plane: with their mirror images."""
    return driven(world, places_in_box(world, rng, USUAL, ground_mm), rng).with_images(ground_mm * MM)


def cable(world: World, middle: Real, angle: float, rng: Random) -> Scene:
    """A straight cable about ``middle``, m, with a wave that travels along it, as strong as on a simulated trace."""
    way = CABLE_MM / 2 * MM * np.array([np.cos(angle), np.sin(angle), 0.0])
    line = cut_line(np.stack([middle - way, middle + way]), world.simulate.segment_mm * MM)
    strength = world.simulate.electric_moment / (world.simulate.half_width_mm * MM) * complex_normal(rng, 1)
    wave = strength * np.exp(-1j * world.geometry.wavenumber * line.path)
    return Scene(line.positions, np.zeros(len(line.positions), bool), line.lengths * wave[:, None])


def cable_below(world: World, rng: Random) -> Scene:
    """A cable that passes below the scan, in any direction."""
    middle = places_in_box(world, rng, 1)[0] / 2
    middle[2] = CABLE_Z_MM * MM
    return cable(world, middle, rng.uniform(0, np.pi), rng)


def elements_and_cable(world: World, rng: Random) -> Scene:
    """Elements in the box, and a cable along x beside it."""
    parts = free_elements(world, rng), cable(world, np.array([0.0, 12.0, CABLE_Z_MM]) * MM, 0.0, rng)
    return Scene(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("positions", "magnetic", "moments"))
    )


def as_trained(world: World, _: Random) -> Scans:
    """Scans as the training read them."""
    measurement = Measurement.of(world.measurement, world.geometry)
    clean = world.base.clean
    return clean if measurement is None else replace(clean, source_h=measurement.read(clean.source_h, world.ids))


def noisy(world: World, _: Random, snr_db: float) -> Scans:
    """Scans with white noise."""
    return replace(world.base.clean, source_h=with_noise(world.base.clean.source_h, world.ids, snr_db))


def displaced(world: World, _: Random, position_mm: float) -> Scans:
    """Scans each point of which is read beside its place, by so much in x and in y (standard deviation)."""
    errors = MeasurementParams(
        snr_db=None, probe_mm=[0, 0], position_mm=position_mm, height_mm=0, gain_db=0, phase_deg=0, redraw=False
    )
    read = Measurement(errors, world.geometry).read(world.base.clean.source_h, world.ids)
    return replace(world.base.clean, source_h=read)


def read_as(name: str) -> Callable[[World, Random], Scans]:
    """The scans by one of the readings of `World.base`."""
    return lambda world, _: world.base.read_as(name)


def at_frequency(world: World, _: Random, frequency: float) -> Scans:
    """The scenes at another frequency, Hz, scan and field: the model does not know it."""
    return solve_base(replace(world, geometry=replace(world.geometry, frequency=frequency)), {}).clean


def solved_elsewhere(_: World, __: Random, cases: ReferenceCases) -> Scans:
    """All cases of a reference set, however many scans are wanted."""
    return Scans(cases.source_h, cases.target)


Change = Callable[[Complex, Random], Components]
"""Of one scan, complex ``(2, ny, nx)``, A/m."""


def changed(change: Change) -> Callable[[World, Random], Scans]:
    """The clean scans, each changed."""

    def make(world: World, rng: Random) -> Scans:
        scans = to_components(world.base.clean.source_h.astype(np.float64))
        spoiled = np.stack([change(np.asarray(scan, np.complex128), rng) for scan in scans])
        return replace(world.base.clean, source_h=to_channels(spoiled).astype(np.float32))

    return make


def row_of_zeros(scan: Complex, rng: Random) -> Components:
    """A row inside the scan is lost."""
    spoiled = scan.copy()
    spoiled[:, _row_inside(scan, rng)] = 0
    return spoiled


def row_interpolated(scan: Complex, rng: Random) -> Components:
    """A row inside the scan is the mean of its neighbours."""
    row, spoiled = _row_inside(scan, rng), scan.copy()
    spoiled[:, row] = (scan[:, row - 1] + scan[:, row + 1]) / 2
    return spoiled


def drifting(scan: Complex, _: Random) -> Components:
    """The phase goes with time, and the points are scanned row by row."""
    progress = np.linspace(0, 1, scan[0].size).reshape(scan[0].shape)
    return np.asarray(scan * np.exp(1j * np.deg2rad(30) * progress))


def jittering(scan: Complex, rng: Random) -> Components:
    """The phase of each point has an error of its own, the same for Hx and Hy (standard deviation)."""
    return np.asarray(scan * np.exp(1j * np.deg2rad(20) * rng.standard_normal(scan[0].shape)))


def _row_inside(scan: Complex, rng: Random) -> int:
    return int(rng.integers(1, scan.shape[1] - 1))


def _each(hx: float, hy: float) -> Real:
    """Factors of the two components of a scan."""
    return np.array([hx, hy], np.float64)[:, None, None]
