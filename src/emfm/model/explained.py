"""Scans that a few current elements and noise explain: what they radiate is known better than any training knows it."""

import hashlib
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, Channels, to_channels
from emfm.core.field_errors import FieldErrors
from emfm.core.grid import Geometry
from emfm.core.measurement import MeasurementParams
from emfm.sources.found import PointSources
from emfm.sources.instrument import Instrument
from emfm.sources.search import PointSearch

_REMEMBERED: Final = 4096
"""Scans; what is found in them takes some kilobytes each."""
_TINY: Final = 1e-300


@dataclass(frozen=True, eq=False)
class Explained:
    """A scan's field, and what is known of its error."""

    field: Channels
    """``(12, ny, nx)``, V/m and A/m."""
    expected: NDArray[np.float64]
    """Relative L2 errors of E and H that half of the errors are below, ``(2,)``."""
    bound: NDArray[np.float64]
    """The same for 90 %."""

    def beside(
        self, learned: Channels, expected: NDArray[np.float64], bound: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The expected error and the bound of this field, with another one known, and how far that is off.

        Of E and of H apart: where less is expected of the error of the ``learned`` field ``(12, ny, nx)``, this one's
        is at most their distance and that error together (triangle inequality). NaN: nothing is known of the other.
        """
        errors = FieldErrors()
        errors.update(learned[None], self.field[None])
        apart = np.concatenate([errors.per_sample().rel_l2_e, errors.per_sample().rel_l2_h])
        size, own = (
            np.array([np.linalg.norm(field[part]) for part in (E_CHANNELS, H_CHANNELS)])
            for field in (learned, self.field)
        )
        sizes = size / np.maximum(own, _TINY)
        doubtful = expected < self.expected
        farther = np.maximum(self.expected, np.hypot(apart, sizes * expected))
        at_most = np.maximum(self.bound, apart + sizes * bound)
        return np.where(doubtful, farther, self.expected), np.where(doubtful, at_most, self.bound)


class ExplainedScans:
    """Finds them on one pair of planes and remembers the last ones; several threads may call it at a time."""

    def __init__(self, geometry: Geometry, measurement: MeasurementParams | None, device: torch.device) -> None:
        """``measurement`` says how scans may be wrong."""
        self._geometry, self._instrument, self._device = geometry, Instrument.of(measurement), device
        self._made: PointSearch | None = None
        self._known: dict[bytes, Explained | None] = {}
        self._lock = Lock()

    def of(self, source_h: NDArray[np.float32]) -> list[Explained | None]:
        """Of each scan ``(n, 4, ny, nx)``, A/m; None where more radiates than few elements."""
        names = [hashlib.sha256(np.ascontiguousarray(scan).tobytes()).digest() for scan in source_h]
        with self._lock:
            new = {name: place for place, name in enumerate(names) if name not in self._known}
            searched = [place for place in new.values() if _can_be_searched(source_h[place])]
            found = dict.fromkeys(new)
            found |= dict(zip([names[place] for place in searched], self._explained(source_h[searched]), strict=True))
            if len(self._known) + len(found) > _REMEMBERED:
                self._known = {name: self._known[name] for name in names if name in self._known}
            self._known |= found
            return [self._known[name] for name in names]

    def sources(self, source_h: NDArray[np.float32]) -> list[PointSources]:
        """What is found below each scan, whether or not it explains it; raises DataError: see `PointSearch.find`."""
        with self._lock:
            search = self._search
        return search.find(source_h)

    def _explained(self, scans: NDArray[np.float32]) -> list[Explained | None]:
        if not len(scans):
            return []
        return [None if sources is None else self._field(sources) for sources in self._search.explaining(scans)]

    @property
    def _search(self) -> PointSearch:
        """Made when it is first needed, as that takes a second."""
        if self._made is None:
            self._made = PointSearch(self._geometry, self._instrument, self._device)
        return self._made

    def _field(self, sources: PointSources) -> Explained:
        target = self._geometry.target
        e_field, h_field = sources.elements.fields(target.points())
        components = np.concatenate([e_field.T, h_field.T]).reshape(1, -1, *target.shape)
        return Explained(to_channels(components)[0], sources.expected_rel_l2, sources.bound_rel_l2)


def _can_be_searched(scan: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(scan).all() and scan.any())
