"""The forward map as Python code uses it: source H in, complex E and H out, with checks at the border."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.core.channels import E_CHANNELS, E_COMPONENTS, H_CHANNELS, H_COMPONENTS, Channels
from emfm.core.grid import Geometry, Grid
from emfm.core.scan_checks import ScanChecks, check_scans
from emfm.model.trained import CheckpointFacts, TrainedModel, find_device
from emfm.plates.ground_plane import Board
from emfm.plates.known_board import FieldOverBoard, fields_over_board
from emfm.plates.plate_search import PlateField, plate_search
from emfm.sources.found import PointSources
from emfm.use.scans import GivenAxes, checked_scans
from emfm.use.source_fields import SourceFields

Axes = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x ``(nx,)`` and y ``(ny,)``, ascending, m."""

Field = NDArray[np.complex64]

CHUNK: Final = 64
"""Scans that are predicted at a time, so that memory beside the results does not grow with the batch."""

_NUMBERS: Final = 5
"""Of `Trust`, in its order, beside the checks of the scan."""


@dataclass(frozen=True, eq=False)
class Trust:
    """How far a model trusts its predictions: numbers for one scan, arrays ``(n,)`` for a batch.

    All but ``scan`` are NaN where the checkpoint was not calibrated; a best.pth is. Expected errors and bounds are NaN
    where the scan is unlike the training samples, too: nothing is known of the error then. Errors are relative L2
    errors, numbers without a unit: 0.1 is 10 %.
    """

    expected_rel_l2_e: NDArray[np.float64]
    """Expected ||error of E|| / ||true E||: half of the errors are larger."""
    expected_rel_l2_h: NDArray[np.float64]
    """The same of H."""
    bound_rel_l2_e: NDArray[np.float64]
    """||error of E|| / ||true E|| is at most that for 90 % of unseen samples like the training samples.

    NaN, too, where the model was calibrated on fewer than 9 samples like its training samples.
    """
    bound_rel_l2_h: NDArray[np.float64]
    """The same of H."""
    distance: NDArray[np.float64]
    """From the training samples; above 1 the scan is unlike them, 0 where few elements explain it.

    The field and its error are then those of the elements, and nothing that was learned is in them.
    """
    scan: ScanChecks
    """Whether the scan itself is too small or too coarse, which these figures need not show."""

    @classmethod
    def of(cls, numbers: NDArray[np.float64], scan: ScanChecks) -> "Trust":
        """From `_NUMBERS` rows in the order above: ``(5,)`` of one scan, ``(5, n)`` of a batch."""
        e, h, most_e, most_h, distance = numbers
        return cls(e, h, most_e, most_h, distance, scan)

    @property
    def unlike_training(self) -> NDArray[np.bool_]:
        """Whether a scan is unlike the training samples; never where the checkpoint was not calibrated."""
        unlike: NDArray[np.bool_] = self.distance > 1
        return unlike


@dataclass(frozen=True, eq=False)
class Prediction:
    """The field on the target plane; ``E, H = prediction`` works."""

    E: Field
    """Ex, Ey, Ez, complex ``(3, ny, nx)``, of a batch ``(n, 3, ny, nx)``, V/m, peak phasors exp(+jwt)."""
    H: Field
    """Hx, Hy, Hz, the same, A/m."""
    trust: Trust
    on_board: PlateField | list[PlateField] | None = field(repr=False)
    """The currents on the board that was given, of a batch a list; None where none was given. See
    `ForwardModel.on_board`."""
    is_of_board: NDArray[np.bool_] | None
    """Whether the field is that of these currents, of a batch ``(n,)``; else it is the model's."""
    _find_sources: Callable[[], PointSources | list[PointSources]] = field(repr=False)

    @cached_property
    def sources(self) -> PointSources | list[PointSources]:
        """The sources below the scan, of a batch a list; searched for when first asked for, and kept."""
        return self._find_sources()

    def __iter__(self) -> Iterator[Field]:
        return iter((self.E, self.H))


class ForwardModel(SourceFields):
    """A trained forward map, loaded once for any number of calls; several threads may call it at a time.

    `predict` and `trust` are the model's. What `SourceFields` adds comes from a search for the sources below a scan,
    which needs no training.
    """

    def __init__(self, trained: TrainedModel) -> None:
        self._trained = trained

    def predict(
        self,
        source_H: ArrayLike,
        axes: GivenAxes | None = None,
        tolerance: float | None = None,
        board: Board | None = None,
    ) -> Prediction:
        """The field of one scan or of a batch; scans are computed 64 at a time.

        Args:
            source_H: tangential H on the source plane, A/m, peak phasors exp(+jwt), rows along y, columns along x:
                real ``(4, ny, nx)`` (Hx_re, Hx_im, Hy_re, Hy_im) or complex ``(2, ny, nx)`` (Hx, Hy), or a batch of
                them with the samples first.
            axes: x ``(nx,)`` and y ``(ny,)`` of the points, m, and perhaps their height z, m. Descending or shuffled
                axes are put in order, with the scan; a larger or finer plane that holds the model's points is cut down
                to them. None: the points of the model, `source_axes`.
            tolerance: how far a point may lie from the model's in each direction, m; None: 2 % of the pitch.
            board: the board that was scanned, with its ground plane. The field is then that of currents on this board,
                which a search finds, or the model's where these are expected to be off by much (docs/plates.md).

        Raises:
            DataError: a ValueError that says what is wrong with the scan, the axes or the board, and what to do.
        """
        scans, single = checked_scans(source_H, axes, self._source, self.frequency, tolerance)
        e_field, h_field = (
            np.empty((len(scans), len(components), *self._target.shape), np.complex64)
            for components in (E_COMPONENTS, H_COMPONENTS)
        )
        said = np.empty((len(scans), _NUMBERS))
        found: list[FieldOverBoard] = []
        for part in _chunks(len(scans)):
            if board is None:
                channels, said[part] = self._of_model(scans[part])
            else:
                over_board = self._over_board(scans[part], board)
                channels, said[part] = _of_boards(over_board)
                found += over_board
            _fill(e_field[part], channels[:, E_CHANNELS])
            _fill(h_field[part], channels[:, H_CHANNELS])
        first = 0 if single else slice(None)
        known = said if board is not None or self.facts.calibrated else None
        trust, one_or_all = self._trust(known, scans, single), scans[first]
        currents, of_board = (None, None) if board is None else _about(found, single)
        return Prediction(e_field[first], h_field[first], trust, currents, of_board, lambda: self.sources(one_or_all))

    def on_board(
        self, source_H: ArrayLike, board: Board, axes: GivenAxes | None = None, tolerance: float | None = None
    ) -> PlateField | list[PlateField]:
        """The currents on a board whose ground plane is known, from one scan, or a list of those from each of a batch.

        `plane`, `line`, `field`, `far_field` and `radiated_power` take them in the place of a scan: the field is then
        that of currents on the copper and in the plate, and not of sources in free space. Arguments and errors are
        those of `predict`.
        """
        scans, single = checked_scans(source_H, axes, self._source, self.frequency, tolerance)
        search = plate_search(board, self.geometry)
        found = [search.find(scan) for scan in scans]
        return found[0] if single else found

    def trust(self, source_H: ArrayLike, axes: GivenAxes | None = None, tolerance: float | None = None) -> Trust:
        """What `predict` would say of its own error, without the field; arguments and errors are the same."""
        scans, single = checked_scans(source_H, axes, self._source, self.frequency, tolerance)
        said = np.empty((len(scans), _NUMBERS))
        for part in _chunks(len(scans)):
            said[part] = np.column_stack(self._trained.trust(scans[part]))
        return self._trust(said if self.facts.calibrated else None, scans, single)

    def _of_model(self, scans: NDArray[np.float32]) -> tuple[Channels, NDArray[np.float64]]:
        channels, *of_trust = self._trained.predict_with_trust(scans)
        return channels, np.column_stack(of_trust)

    def _over_board(self, scans: NDArray[np.float32], board: Board) -> list[FieldOverBoard]:
        return list(fields_over_board(self._trained, plate_search(board, self.geometry), scans))

    @property
    def geometry(self) -> Geometry:
        """Frequency, source plane and target plane that the model was trained for."""
        return self._trained.geometry

    def _search(self, scans: NDArray[np.float32]) -> list[PointSources]:
        return self._trained.explained.sources(scans)

    @property
    def frequency(self) -> float:
        """The frequency that the model was trained for, Hz."""
        return self._trained.geometry.frequency

    @property
    def source_axes(self) -> Axes:
        """Points of the source plane."""
        return self._source.x, self._source.y

    @property
    def source_z(self) -> float:
        """Height of the source plane, m."""
        return self._source.z

    @property
    def target_axes(self) -> Axes:
        """Points of the target plane."""
        return self._target.x, self._target.y

    @property
    def target_z(self) -> float:
        """Height of the target plane, m."""
        return self._target.z

    @property
    def facts(self) -> CheckpointFacts:
        """The checkpoint, and the training that made it."""
        return self._trained.facts

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(self._trained.device)

    def __repr__(self) -> str:
        return (
            f"ForwardModel({self.facts.model}, {self.frequency:g} Hz, {self._shown(self._source)} -> "
            f"{self._shown(self._target)}, {self.device}, {self.facts.path})"
        )

    @property
    def _source(self) -> Grid:
        return self._trained.geometry.source

    @property
    def _target(self) -> Grid:
        return self._trained.geometry.target

    @staticmethod
    def _trust(said: NDArray[np.float64] | None, scans: NDArray[np.float32], single: bool) -> Trust:
        if said is None:
            said = np.full((len(scans), _NUMBERS), np.nan)
        checks = check_scans(scans)
        numbers = said[0] if single else np.ascontiguousarray(said.T)
        return Trust.of(numbers, checks[0] if single else checks)

    @staticmethod
    def _shown(grid: Grid) -> str:
        return f"{grid.nx} x {grid.ny} points at z = {grid.z * 1e3:g} mm"


def load_model(path: str | Path, device: str = "auto") -> ForwardModel:
    """The forward model in a checkpoint, ready to predict.

    Args:
        path: a best.pth, for instance models/stage5/best.pth.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``, which is cuda where there is one.

    Raises:
        CheckpointError: a file that is missing or damaged, or holds no forward model.
        ConfigError: a device that is not there, or a plug-in that the checkpoint names and that cannot be imported.
    """
    return ForwardModel(TrainedModel(Path(path), find_device(device)))


def _of_boards(found: list[FieldOverBoard]) -> tuple[Channels, NDArray[np.float64]]:
    said = [(*one.expected_rel_l2, *one.bound_rel_l2, one.distance) for one in found]
    return np.stack([one.channels for one in found]), np.array(said)


def _about(found: list[FieldOverBoard], single: bool) -> tuple[PlateField | list[PlateField], NDArray[np.bool_]]:
    """The currents on the board and whether the field is theirs, of one scan or of a batch."""
    of_board = np.array([one.is_of_board for one in found])
    return (found[0].currents, of_board[0]) if single else ([one.currents for one in found], of_board)


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def _fill(field: NDArray[Any], channels: Channels) -> None:
    """Write real channels ``(n, 2c, ny, nx)`` into the complex components ``field``, with no copy between."""
    field.real = channels[:, 0::2]
    field.imag = channels[:, 1::2]
