"""Samples whose costly part was computed before the training, once each."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ttt.engine.task import Batch, BatchDataset
from ttt.memo import Memo

_BLOCK: Final = 1024


class IdentifiedSamples(BatchDataset, Protocol):
    """Samples that can name any of theirs by content."""

    def identity(self, indices: list[int]) -> str:
        """Identity of the content and the order of some samples."""
        ...


@runtime_checkable
class InFamilies(Protocol):
    """Samples of which those of one family are alike."""

    @property
    def families(self) -> NDArray[np.int64]:
        """The number of each sample's family, ``(n,)``."""
        ...


class Encoder(Protocol):
    """A model that computes a part of its work once a sample."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def encode(self, source_h: Tensor) -> Tensor:
        """Rows ``(n, f)`` that the model takes in the place of scans."""
        ...

    def target_coefficients(self, target: Tensor, encoded: Tensor) -> Tensor:
        """Complex coefficients ``(n, k)`` of targets."""
        ...

    def state_digest(self) -> str:
        """Identity of all that `encode` and `target_coefficients` depend on."""
        ...


@dataclass(frozen=True)
class EncodedSamples:
    """A `ttt.engine.task.BatchDataset` of encoded scans; targets are coefficients where they were asked for."""

    samples: IdentifiedSamples
    rows: Tensor
    """``(n, f)``."""
    coefficients: Tensor | None
    """``(n, 2 k)``; None: the samples' own targets are given out."""

    @property
    def fingerprint(self) -> str:
        """That of the samples."""
        return self.samples.fingerprint

    @property
    def families(self) -> NDArray[np.int64]:
        """Those of the samples."""
        return np.asarray(families_of(self.samples).numpy(), np.int64)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, indices: list[int]) -> Batch:
        rows = self.rows[indices]
        if self.coefficients is None:
            return Batch(rows, self.samples.__getitems__(indices).y)
        return Batch(rows, self.coefficients[indices])

    @classmethod
    def of(cls, samples: IdentifiedSamples, model: Encoder, memo: Memo, with_targets: bool) -> "EncodedSamples":
        """Encode all of ``samples`` with ``model``; blocks that ``memo`` knows are not computed again."""
        digest = model.state_digest()
        rows, coefficients = [], []
        with tqdm(total=len(samples), desc="computing once a sample", unit="sample", mininterval=1.0) as bar:
            for start in range(0, len(samples), _BLOCK):
                indices = list(range(start, min(start + _BLOCK, len(samples))))
                identity = f"{digest} {with_targets} {samples.identity(indices)}"
                block = memo.array(identity, partial(_encode, samples, indices, model, with_targets))
                width = int(block[0, -1])
                rows.append(torch.from_numpy(block[:, :width]))
                coefficients.append(torch.from_numpy(block[:, width:-1]))
                bar.update(len(indices))
        return cls(samples, torch.cat(rows), torch.cat(coefficients) if with_targets else None)


@torch.no_grad()
def _encode(samples: IdentifiedSamples, indices: list[int], model: Encoder, with_targets: bool) -> NDArray[np.float32]:
    """Encoded scans, coefficients of targets, and last the number of columns of the former."""
    batch = samples.__getitems__(indices).to(model.device)
    encoded = model.encode(batch.x)
    parts = [encoded]
    if with_targets:
        parts.append(torch.view_as_real(model.target_coefficients(batch.y, encoded)).flatten(1))
    parts.append(encoded.new_full((len(encoded), 1), encoded.shape[1]))
    return np.asarray(torch.cat(parts, 1).cpu().numpy())


def families_of(samples: BatchDataset) -> Tensor:
    """The number of each sample's family ``(n,)``; where none is known, each is of its own."""
    if isinstance(samples, InFamilies):
        return torch.from_numpy(samples.families)
    return torch.arange(len(samples))
