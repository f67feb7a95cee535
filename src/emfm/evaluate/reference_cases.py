"""Reference sets: cases solved by an independent program that no training has seen, in a file or a folder.

A file holds the arrays ``source_H`` (n, 4, ny, nx), A/m, and ``target`` (n, 12, ny, nx), V/m and A/m, their axes and
channels by name, and ``names`` of the cases or their ``kinds``; ``properties``, if there, is a JSON object for each.
Larger or finer scans of the same cases at the same height may stand beside: ``source_H_31x31_1mm`` has 31 x 31 points
about the middle, 1 mm apart. A folder holds cases as an import reads them; the parameters in its samples.csv are their
properties.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.import_cases import open_import
from emfm.acquire.readers.base import AUTO
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from ttt.files import DAMAGED

Property = bool | float | str
"""Of a case, such as the size of its board."""

_REMEDY = "restore the file from git"
_LENGTH_TOLERANCE = 1e-9
_NAMES: Final = "names"
_KINDS: Final = "kinds"
_PROPERTIES: Final = "properties"
_FURTHER: Final = re.compile(r"source_H_(\d+)x\1_(\w+)")
_PITCHES: Final = {"1mm": 1e-3, "half_mm": 0.5e-3}
"""As they stand in the name of a further scan, m."""


@dataclass(frozen=True)
class ReferenceCases:
    """Solved cases, to evaluate a predictor on."""

    geometry: Geometry
    ids: tuple[str, ...]
    source_h: NDArray[np.float32]
    """``(n, 4, ny, nx)``, A/m."""
    target: NDArray[np.float64]
    """``(n, 12, ny, nx)``, V/m and A/m."""
    properties: tuple[Mapping[str, Property], ...]
    """Of each case, by name; empty where nothing is known."""

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
        """Source H and target of ``size`` cases at a time."""
        for start in range(0, len(self), size):
            yield self.source_h[start : start + size], self.target[start : start + size]


def read_reference(path: Path, geometry: Geometry, key: str) -> ReferenceCases:
    """The cases in ``path``, which ``key`` of params.yaml names.

    Those in a folder must be on the planes of ``geometry``; those in a file are on planes of their own, but for their
    scans where a further one holds all points of the scan of ``geometry``. Raises DataError where there is nothing, or
    what is there cannot be used.
    """
    if path.is_dir():
        return _read_folder(path, geometry)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; correct {key} in params.yaml, or restore the file from git")
    return read_reference_cases(path, geometry.source)


def read_reference_cases(path: Path, scan: Grid | None = None) -> ReferenceCases:
    """The cases in an npz file with the arrays that the module names, scanned on ``scan`` where they were.

    Raises DataError where it is missing, damaged, or not of the channels and axes that it names.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            channels = (*file["source_channels"].tolist(), *file["target_channels"].tolist())
            geometry = Geometry(
                float(file["frequency"]),
                _square_grid(file["source_axis"], float(file["source_z"])),
                _square_grid(file["target_axis"], float(file["target_z"])),
            )
            ids = _ids(file)
            properties = _properties(file, len(ids))
            source_h, target = file["source_H"], file["target"]
            if scan is not None and scan != geometry.source:
                source_h, geometry = _scanned_on(scan, file, geometry)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {_REMEDY}") from None
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as reference cases ({error}); {_REMEDY}") from error
    if channels != (*SOURCE_CHANNELS, *TARGET_CHANNELS):
        raise DataError(f"{path}: its channels are not {', '.join((*SOURCE_CHANNELS, *TARGET_CHANNELS))}; {_REMEDY}")
    for name, array, count, grid in (
        ("source_H", source_h, len(SOURCE_CHANNELS), geometry.source),
        ("target", target, len(TARGET_CHANNELS), geometry.target),
    ):
        shape = (len(ids), count, *grid.shape)
        if array.shape != shape or not np.isfinite(array).all():
            raise DataError(f"{path}: {name} must hold {shape} finite numbers, found {array.shape}; {_REMEDY}")
    return ReferenceCases(geometry, ids, source_h.astype(np.float32), target.astype(np.float64), properties)


def _scanned_on(scan: Grid, file: Mapping[str, NDArray[Any]], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    """The scans of the cases at the points of ``scan``, where a further scan holds them; else those of ``source_H``."""
    for name in file:
        found = _FURTHER.fullmatch(name)
        if found is None or found[2] not in _PITCHES:
            continue
        axis = np.asarray((np.arange(int(found[1])) - (int(found[1]) - 1) / 2) * _PITCHES[found[2]], np.float64)
        rows, columns = (_places(wanted, axis) for wanted in (scan.y, scan.x))
        if rows is not None and columns is not None and abs(scan.z - geometry.source.z) <= _LENGTH_TOLERANCE:
            return file[name][:, :, rows][:, :, :, columns], replace(geometry, source=scan)
    return file["source_H"], geometry


def _places(wanted: NDArray[np.float64], axis: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Where the ``wanted`` coordinates stand on ``axis``; None where one does not."""
    places = np.abs(axis - wanted[:, None]).argmin(1)
    return places if np.abs(axis[places] - wanted).max() <= _LENGTH_TOLERANCE else None


def _read_folder(root: Path, geometry: Geometry) -> ReferenceCases:
    cases = open_import([root], AUTO, geometry)
    samples = [cases.sample(row) for row in range(len(cases))]
    properties = tuple(
        {
            name: float(value)
            for name, value in zip(cases.parameter_names, sample.parameters, strict=True)
            if not np.isnan(value)
        }
        for sample in samples
    )
    return ReferenceCases(
        geometry,
        tuple(sample.id for sample in samples),
        np.stack([sample.source_h for sample in samples]),
        np.stack([sample.target for sample in samples]).astype(np.float64),
        properties,
    )


def _ids(file: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """The cases' names, else their kinds with a number before each, since kinds may repeat."""
    if _NAMES in file:
        names = [str(name) for name in file[_NAMES].tolist()]
        if len(set(names)) < len(names):
            raise ValueError("a name stands twice among its names")
        return tuple(names)
    return tuple(f"{number:02d}_{kind}" for number, kind in enumerate(file[_KINDS].tolist(), start=1))


def _properties(file: Mapping[str, NDArray[Any]], count: int) -> tuple[Mapping[str, Property], ...]:
    """What is known of each case; raises ValueError where it is not a JSON object of plain values for each."""
    if _PROPERTIES not in file:
        return ({},) * count
    found = [json.loads(text) for text in file[_PROPERTIES].tolist()]
    plain = all(
        isinstance(one, dict) and all(isinstance(v, bool | int | float | str) for v in one.values()) for one in found
    )
    if len(found) != count or not plain:
        raise ValueError(f"properties must be {count} JSON objects of numbers, texts, true and false")
    return tuple({key: float(v) if type(v) is int else v for key, v in one.items()} for one in found)


def _square_grid(axis: NDArray[Any], z: float) -> Grid:
    """The plane whose x and y are both ``axis``; raises ValueError where its steps are not even."""
    steps = np.diff(axis)
    if axis.ndim != 1 or len(axis) < 2 or np.ptp(steps) > _LENGTH_TOLERANCE:
        raise ValueError("an axis is not in even steps")
    first, pitch = float(axis[0]), float((axis[-1] - axis[0]) / (len(axis) - 1))
    return Grid(first, first, pitch, pitch, len(axis), len(axis), z)
