"""The sparse search alone: the field of the few sources that explain a scan, with nothing learned from samples."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emfm.core.channels import Channels
from emfm.core.grid import Geometry
from emfm.core.norm_stats import source_scale
from emfm.evaluate.params import SearchParams
from emfm.evaluate.remember import Remember, learn_anew
from emfm.model.complex_rows import complex_rows
from emfm.model.search.modes import FieldModes
from emfm.model.search.snapshots import physical_snapshots
from emfm.model.search.sparse_sources import SparseSources
from ttt.engine.side_by_side import side_by_side

_SCANS_AT_ONCE: Final = 32
_SNAPSHOTS_PER_MODE: Final = 1.5
"""Fields of random sources are alike enough: some more do not change what is predicted."""


class FoundSources:
    """See the module, and `emfm.model.search.sparse_sources`. The modes are those of random sources, not of samples."""

    def __init__(self, geometry: Geometry, params: SearchParams) -> None:
        self._geometry, self._params = geometry, params
        self._modes = FieldModes(params.modes, geometry)
        self._sources = SparseSources(params, geometry, self._modes.count)
        self._search = nn.ModuleList([self._modes, self._sources])

    def fit(self, _: Iterable[tuple[Channels, Channels]], remember: Remember = learn_anew) -> None:
        """Compute the fields of all cells, which depend on the planes and the settings alone: no sample is read."""
        state = self._search.state_dict()
        known = torch.from_numpy(remember(self._cell_fields, np.complex128)[0])
        parts = torch.split(known, [value.numel() for value in state.values()])
        self._search.load_state_dict(
            {
                name: (part if value.is_complex() else part.real).reshape(value.shape).to(value.dtype)
                for (name, value), part in zip(state.items(), parts, strict=True)
            }
        )

    @torch.no_grad()
    def predict(self, source_h: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The field ``(n, 12, ny, nx)``, V/m and A/m, of scans ``(n, 4, ny, nx)``, A/m."""
        scales = source_scale(source_h)[:, None, None, None]
        scaled = torch.from_numpy(np.asarray(source_h / scales, np.float64))
        fields = torch.cat(side_by_side(self._fields, torch.split(scaled, _SCANS_AT_ONCE)))
        return np.asarray(fields.numpy() * scales, np.float64)

    def _fields(self, source_h: Tensor) -> Tensor:
        coefficients, _ = self._sources(complex_rows(source_h))
        return self._modes.expand(coefficients)

    @torch.no_grad()
    def _cell_fields(self) -> NDArray[np.complex128]:
        """All that was computed, in one row."""
        count = round(_SNAPSHOTS_PER_MODE * self._modes.count)
        self._modes.find([physical_snapshots(self._geometry, self._params, count)])
        self._sources.find(self._modes)
        state = self._search.state_dict().values()
        return np.asarray(torch.cat([value.flatten().to(torch.complex128) for value in state]).numpy())[None]
