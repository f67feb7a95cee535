"""`linear_operator`: the complex matrix from scan to field that fits the training samples best, in closed form."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from emfm.core.channels import TARGET_COMPONENTS
from emfm.core.field_operator import fitted_operator, scaled_examples
from emfm.model.complex_rows import complex_rows, row_length
from emfm.model.field_model import FieldModel, SquaredErrors, channel_errors, in_float32
from emfm.model.spec import FieldSpec
from emfm.model.trust import SCAN_DESCRIPTORS, scan_descriptors
from emfm.models.linear_operator.params import LinearOperatorParams
from ttt.engine.task import Batch, BatchDataset
from ttt.memo import Memo

_BATCH = 256


class LinearOperator(FieldModel):
    """Field = scan times a matrix; on data whose map is linear it is exact, and it needs no gradient."""

    def __init__(self, params: LinearOperatorParams, spec: FieldSpec) -> None:
        geometry = spec.geometry()
        super().__init__(spec.norm, len(SCAN_DESCRIPTORS), geometry)
        self._ridge, self._geometry = params.ridge, geometry
        self._shape = (len(TARGET_COMPONENTS), *geometry.target.shape)
        outputs = len(TARGET_COMPONENTS) * geometry.target.ny * geometry.target.nx
        self.matrix: Tensor
        self.register_buffer("matrix", torch.zeros(row_length(*geometry.source.shape), outputs, dtype=torch.complex64))

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        with in_float32(source_h):
            rows = complex_rows(source_h) @ self.matrix
        return torch.view_as_real(rows.reshape(len(rows), *self._shape)).movedim(-1, 2).flatten(1, 2)

    def squared_errors(self, weights: Tensor, normalized: bool) -> SquaredErrors:
        """See `FieldModel.squared_errors`."""

        def measure(batch: Batch) -> tuple[Tensor, Tensor]:
            error = self(batch.x) - batch.y
            if normalized:
                error = error / self.scale(batch.x) / self.target_std
            return channel_errors(error, weights)

        return measure

    def descriptors(self, source_h: Tensor) -> Tensor:
        """See `emfm.model.trust.scan_descriptors`."""
        return scan_descriptors(source_h)

    @torch.no_grad()
    def prepare(self, train: BatchDataset, _: Memo) -> None:
        """Fit the matrix, in a pass that is too quick to be remembered: see `emfm.core.field_operator`."""
        examples = scaled_examples(_batches(train), self._geometry)
        matrix = fitted_operator(examples, self._geometry, self._ridge).matrix
        self.matrix.copy_(torch.from_numpy(matrix))


def _batches(samples: BatchDataset) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """All samples, source H and target, with progress."""
    for start in tqdm(range(0, len(samples), _BATCH), desc="linear operator", unit="batch", mininterval=1.0):
        batch = samples.__getitems__(list(range(start, min(start + _BATCH, len(samples)))))
        yield batch.x.cpu().numpy(), batch.y.cpu().numpy()
