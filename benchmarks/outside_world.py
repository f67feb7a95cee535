"""The training world drawn anew: scenes that no set holds, with scans as they are and as they are read elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.lines import MM
from emfm.acquire.scenes import Currents, Planes
from emfm.acquire.simulate import SimulatedSource
from emfm.acquire.source_kinds import SOURCE_KINDS
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS, Channels, Real
from emfm.core.grid import Geometry, Grid
from emfm.core.measurement import MeasurementParams

HEIGHTS_MM: Final = (0.1, 0.2, 0.5)
WINDOWS_MM: Final = {1.0: 3, 3.0: 5}
"""Sides of the probe's window, and nodes of the quadrature along each."""

Random = np.random.Generator


@dataclass(frozen=True, eq=False)
class Scans:
    """Scans as a model reads them, and the true fields."""

    source_h: NDArray[np.float32]
    """``(n, 4, ny, nx)``, A/m."""
    target: Channels
    """``(n, 12, ny, nx)``, V/m and A/m."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A scan that is the weighted sum of the fields on some planes, one after the other point by point."""

    grids: tuple[Grid, ...]
    weights: Real
    """``(grids,)``."""


@dataclass(frozen=True)
class World:
    """The training world, and how many scans of each kind are wanted of it and of what lies outside."""

    geometry: Geometry
    simulate: SimulateParams
    measurement: MeasurementParams | None
    """How the model's training read its scans."""
    scans: int
    seed: int

    @cached_property
    def base(self) -> "BaseScans":
        """New scenes of the world, with clean scans, read in other ways, too."""
        readings = {f"height {height:g}": lifted(self.geometry.source, height * MM) for height in HEIGHTS_MM}
        for side, nodes in WINDOWS_MM.items():
            readings[f"window {side:g}"] = averaged(self.geometry.source, side * MM, nodes)
        return solve_base(self, readings)

    @property
    def ids(self) -> list[str]:
        """Of the base scans."""
        return [f"outside{row}" for row in range(self.scans)]

    def random(self, name: str) -> Random:
        """The random numbers of the row called ``name``, whatever other rows there are."""
        return np.random.default_rng([self.seed, *name.encode()])

    def solved(self, scenes: Sequence[Currents]) -> Scans:
        """The scans and fields of scenes, which radiate as those of the training do."""
        kind = SOURCE_KINDS.get(self.simulate.kind, "acquire.simulate.kind").build(geometry=self.geometry)
        pairs = [kind.radiate(scene) for scene in scenes]
        shapes = (
            (len(SOURCE_CHANNELS), *self.geometry.source.shape),
            (len(TARGET_CHANNELS), *self.geometry.target.shape),
        )
        source_h, target = (
            np.stack([field.reshape(shape) for field in fields])
            for fields, shape in zip(zip(*pairs, strict=True), shapes, strict=True)
        )
        return Scans(source_h.astype(np.float32), target)


@dataclass(frozen=True, eq=False)
class BaseScans:
    """Scenes of the training world: their clean scans and fields, and their scans as they are read otherwise."""

    clean: Scans
    readings: Mapping[str, NDArray[np.float32]]

    def read_as(self, name: str) -> Scans:
        """The scans by the reading called ``name``; the fields are the same."""
        return replace(self.clean, source_h=self.readings[name])


def solve_base(world: World, readings: Mapping[str, Reading]) -> BaseScans:
    """``world.scans`` new scenes, each of a family and on a board of its own.

    Each is solved for all readings at a time and then let go, as a board takes much memory.
    """
    changes = {"num_samples": world.scans, "family_size": 1, "duplicate_share": 0.0}
    source = SimulatedSource(world.geometry, world.simulate.model_copy(update=changes), world.seed, "outside")
    planes = Planes(tuple(grid for reading in readings.values() for grid in reading.grids), world.geometry.frequency)
    solved: list[Scans] = []
    read: dict[str, list[Channels]] = {name: [] for name in readings}
    what = f"scenes at {world.geometry.frequency / 1e9:g} GHz"
    for row in tqdm(range(world.scans), desc=what, unit="scene", leave=False):
        scene = source.scene(row)
        solved.append(world.solved([scene]))
        if readings:
            for name, scan in scans_by(readings, scene, planes).items():
                read[name].append(scan)
    clean = Scans(*(np.concatenate([getattr(one, part) for one in solved]) for part in ("source_h", "target")))
    return BaseScans(clean, {name: np.stack(scans).astype(np.float32) for name, scans in read.items()})


def scans_by(readings: Mapping[str, Reading], scene: Currents, planes: Planes) -> dict[str, Channels]:
    """The scan ``(4, ny, nx)`` of a scene by each of the readings, whose grids ``planes`` holds in their order."""
    on_grids = scene.fields(planes)[1, :2].reshape(len(SOURCE_CHANNELS), len(planes.grids), *planes.grids[0].shape)
    scans: dict[str, Channels] = {}
    first = 0
    for name, reading in readings.items():
        own = on_grids[:, first : first + len(reading.grids)]
        scans[name] = np.tensordot(reading.weights, own, axes=(0, 1))
        first += len(reading.grids)
    return scans


def lifted(grid: Grid, height: float) -> Reading:
    """The field ``height``, m, above the scan's points."""
    return Reading((replace(grid, z=grid.z + height),), np.ones(1))


def averaged(grid: Grid, side: float, nodes: int) -> Reading:
    """The mean over a square of ``side``, m, about each point, by Gauss-Legendre quadrature."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    shifts = places * side / 2
    grids = [replace(grid, x_first=grid.x_first + dx, y_first=grid.y_first + dy) for dy in shifts for dx in shifts]
    return Reading(tuple(grids), np.outer(weights, weights).ravel() / 4)
