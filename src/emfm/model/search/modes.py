"""Modes of the field on the target plane: a joint basis of E and H, found by proper orthogonal decomposition.

At a few millimetres the fine field has decayed, so that some hundred modes hold all of it. A mode is a sum of
fields that satisfy Maxwell's equations, and so is every prediction that is made of modes.

Method of snapshots: L. Sirovich, "Turbulence and the dynamics of coherent structures", Quart. Appl. Math. 45 (1987).
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from emfm.core.channels import E_COMPONENTS, TARGET_COMPONENTS, Complex
from emfm.core.grid import Geometry
from emfm.model.complex_rows import complex_rows

SNAPSHOTS_PER_MODE: Final = 4
"""So many snapshots of each origin (physics, training samples) a mode is found from."""


class FieldModes(nn.Module):
    """Fields as sums of modes; E and H are weighed so that both have the same size in the training samples.

    The weighted field w * f, flattened, is ``coefficients @ modes``; the modes are orthonormal. A module whose
    modes were not found yet has zeros.
    """

    def __init__(self, count: int, geometry: Geometry) -> None:
        super().__init__()
        points = geometry.target.ny * geometry.target.nx
        self._shape = (len(TARGET_COMPONENTS), *geometry.target.shape)
        self.count = min(count, len(TARGET_COMPONENTS) * points)
        self.modes: Tensor
        self.weights: Tensor
        self.register_buffer("modes", torch.zeros(self.count, len(TARGET_COMPONENTS) * points, dtype=torch.complex64))
        self.register_buffer("weights", torch.ones(len(TARGET_COMPONENTS)))

    def find(self, snapshots: list[Complex]) -> None:
        """Set the modes to the strongest of all snapshots.

        Args:
            snapshots: sets of fields ``(n, 6 * ny * nx)``; all sets count the same, E in V/m, H in A/m.

        Raises:
            ValueError: E or H is zero in all of the last set, so that they cannot be weighed.
        """
        electric = len(E_COMPONENTS) * self.modes.shape[1] // len(TARGET_COMPONENTS)
        sizes = [np.sqrt(np.mean(np.abs(part) ** 2)) for part in np.split(snapshots[-1], [electric], axis=1)]
        if not all(sizes):
            raise ValueError("E or H is zero in all samples, so that they cannot be weighed against each other")
        weights = np.repeat(1 / np.array(sizes), [len(E_COMPONENTS), len(TARGET_COMPONENTS) - len(E_COMPONENTS)])
        self.weights.copy_(torch.from_numpy(weights))
        rows = [part * self._spread().double().cpu().numpy() for part in snapshots]
        together = np.concatenate([part / np.linalg.norm(part) for part in rows])
        values, vectors = np.linalg.eigh(together @ together.conj().T)
        count = min(self.count, int(np.sum(values > values[-1] * len(values) * np.finfo(np.float64).eps)))
        chosen = vectors[:, ::-1][:, :count] / np.sqrt(values[::-1][:count])
        self.modes.zero_()
        self.modes[:count] = torch.from_numpy(chosen.conj().T @ together).to(self.modes)

    def project_rows(self, fields: Tensor) -> Tensor:
        """Coefficients ``(n, modes)`` of complex fields ``(n, 6 * ny * nx)``."""
        return (fields * self._spread()) @ self.modes.mH

    def project(self, target: Tensor) -> Tensor:
        """Coefficients, complex ``(n, modes)``, of channels ``(n, 12, ny, nx)``, V/m and A/m."""
        return self.project_rows(complex_rows(target))

    def expand(self, coefficients: Tensor) -> Tensor:
        """Channels ``(n, 12, ny, nx)``, V/m and A/m, of complex coefficients ``(n, modes)``."""
        rows = (coefficients @ self.modes) / self._spread()
        pairs = torch.view_as_real(rows.reshape(len(rows), *self._shape))
        return pairs.movedim(-1, 2).flatten(1, 2)

    def channel_forms(self) -> Tensor:
        """How coefficients make up each channel's mean square: ``(12, 2 * modes, 2 * modes)``.

        With e the real and imaginary parts of coefficients side by side, ``view_as_real(c).flatten()``, the mean
        square of channel k over the points is ``e @ forms[k] @ e``.
        """
        points = self._shape[1] * self._shape[2]
        parts = (self.modes / self._spread()).reshape(self.count, self._shape[0], points).transpose(0, 1)
        forms = []
        for mode in parts:
            real = torch.stack([mode.real, -mode.imag], 1).reshape(2 * self.count, points)
            imaginary = torch.stack([mode.imag, mode.real], 1).reshape(2 * self.count, points)
            forms += [real @ real.T / points, imaginary @ imaginary.T / points]
        return torch.stack(forms)

    def _spread(self) -> Tensor:
        """The weights, once a point: ``(6 * ny * nx,)``."""
        return self.weights.repeat_interleave(self._shape[1] * self._shape[2])
