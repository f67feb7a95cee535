"""`pod_net`: modal coefficients of the field from a physical prior, a linear correction and a small network.

The prior is the field of the few sources that explain the scan (`emfm.model.search.sparse_sources`), or nothing. A
complex matrix corrects it linearly where that is worth much. It is blended with the fields of equivalent dipoles
(`emfm.models.pod_net.blend`), and a network of real numbers corrects what comes out, as much as the prior's own
uncertainty says, so that what is certain stays untouched. Everything but the network and the blend's weights is found
in closed form from the training samples, and computed once a sample: what is trained costs a few matrix products.

A complex factor on a scan is a factor on its field (Maxwell's equations are linear): size and phase are taken out. The
mirror image of a scan has the mirror image of its field: what the network says is the mean of what it says of all
images of the scan, turned back (a group average, see M. M. Bronstein, J. Bruna, T. Cohen and P. Velickovic, "Geometric
Deep Learning", arXiv:2104.13478, section 3.1). A training step sees one image, drawn anew.
"""

import hashlib
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from emfm.core.channels import TARGET_CHANNELS, Complex
from emfm.core.ridge import RidgeSums
from emfm.model.complex_rows import complex_rows, row_length
from emfm.model.encoding import EncodedSamples, IdentifiedSamples
from emfm.model.field_model import FieldModel, SquaredErrors, in_float32
from emfm.model.ridge import fit_with_ridge
from emfm.model.search.modes import SNAPSHOTS_PER_MODE, FieldModes
from emfm.model.search.snapshots import physical_snapshots
from emfm.model.search.sparse_sources import DESCRIPTORS, SparseSources
from emfm.model.spec import FieldSpec
from emfm.model.symmetries import Images
from emfm.model.trust import SCAN_DESCRIPTORS, scan_descriptors
from emfm.models.pod_net.blend import Blend, Blended
from emfm.models.pod_net.mean_squares import MeanSquares
from emfm.models.pod_net.params import PodNetParams
from ttt.engine.on_device import free_memory
from ttt.engine.side_by_side import side_by_side
from ttt.engine.square_root import square_root
from ttt.engine.task import Batch, BatchDataset
from ttt.memo import Memo

_CPU_ROOM: Final = 100e6
"""Bytes that a thread's share of the scans may take: more does not make it faster, and takes memory a thread."""
_GPU_SHARE: Final = 0.25
"""Of a GPU's free memory that scans may take which are searched for sources at a time: the more, the faster."""
_MOST_AT_ONCE: Final = 2048
_HELD_OUT: Final = 5
"""The last of so many parts of the training samples chooses the ridge of the linear correction: samples of one family
stand side by side, so that hardly one is on both sides."""
_RIDGES: Final = (1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_DOUBT_RIDGE: Final = 1e-6
_WORTHWHILE: Final = 0.5
"""A linear correction of a search must lower the held-out error to this share, or there is none: it is better on its
own training samples than on others, so that a network which is trained on these trusts it too much."""
_WORTHWHILE_ALONE: Final = 0.9
"""The same where there is no search."""
_LIMIT: Final = 5.0
_VARIANCE_FLOOR: Final = 1e-6
"""Of a network's input, relative to the mean."""
_LEAST_SPREAD: Final = 1e-3
"""Of a descriptor over the training samples; one that varies less is divided by this."""
_LEAST_SAID: Final = 1e-6
_TINY: Final = 1e-30

CORRECTION_DESCRIPTORS: Final = ("how far it goes", "how far its images are apart")
"""Of what is added to the prior, relative to the field, natural logarithms."""
BLEND_DESCRIPTORS: Final = ("how far its estimates are apart",)
"""The same of what is blended with the prior."""


class PodNet(FieldModel):
    """See the module. An encoded scan is a row of real numbers, which `forward` takes in the place of the scan."""

    def __init__(self, params: PodNetParams, spec: FieldSpec) -> None:
        geometry = spec.geometry()
        has_prior = params.prior == "sparse_sources"
        self._num_prior = len(DESCRIPTORS) if has_prior else 0
        described = len(SCAN_DESCRIPTORS) + self._num_prior + len(CORRECTION_DESCRIPTORS)
        described += len(BLEND_DESCRIPTORS) if has_prior else 0
        super().__init__(spec.norm, described, geometry)
        self._identity = f"{params.sources.model_dump_json()} {spec.norm.scale_by_source}"
        self._geometry = geometry
        self._region = params.sources
        self._source_shape = geometry.source.shape
        self.modes = FieldModes(params.modes, geometry)
        count = self.modes.count
        self.sources = SparseSources(params.sources, geometry, count) if has_prior else None
        self.images = Images(geometry, count)
        self._mean_squares = MeanSquares(self.modes, torch.ones(len(TARGET_CHANNELS)))
        self._row = row_length(*geometry.source.shape)
        self._widths = [1, 2 * self._row, 2 * count, len(SCAN_DESCRIPTORS) + self._num_prior]
        inputs = self._row + (count if has_prior else 0)
        self.found: Tensor
        self.linear: Tensor
        self.doubt: Tensor
        self.input_size: Tensor
        self.described_mean: Tensor
        self.described_std: Tensor
        self.output_size: Tensor
        self.register_buffer("found", torch.tensor(False))
        self.register_buffer("linear", torch.zeros(inputs, count, dtype=torch.complex64))
        self.register_buffer("doubt", torch.zeros(self._widths[-1] + 1))
        self.register_buffer("input_size", torch.ones(self._row + count))
        self.register_buffer("described_mean", torch.zeros(self._widths[-1]))
        self.register_buffer("described_std", torch.ones(self._widths[-1]))
        self.register_buffer("output_size", torch.zeros(count))
        facts = len(self.described_mean)
        self.blend = Blend(params.dipoles, geometry, count, facts) if has_prior else None
        layers: list[nn.Module] = []
        width = 2 * len(self.input_size) + facts
        for _ in range(params.depth):
            layers += [nn.Linear(width, params.width), nn.GELU()]
            width = params.width
        last = nn.Linear(width, 2 * count)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(*layers, last)

    def forward(self, source_h: Tensor) -> Tensor:
        """The field ``(n, 12, ny, nx)`` of scans ``(n, 4, ny, nx)`` or of what `encode` makes of them."""
        encoded = self.encode(source_h)
        scale = encoded[:, :1, None, None]
        return self.modes.expand(self.coefficients(encoded)) * scale

    def encode(self, source_h: Tensor) -> Tensor:
        """What is computed once a scan, ``(n, f)``: scale, scan, the prior's coefficients, descriptors."""
        if source_h.ndim == 2:
            return source_h
        if torch.compiler.is_exporting():  # a graph for any number of scans cannot cut them into parts
            return self._encode(source_h)
        parts = torch.split(source_h, self._scans_at_once(source_h.device))
        if source_h.device.type == "cpu":
            return torch.cat(side_by_side(self._encode, parts))
        return torch.cat([self._encode(part) for part in parts])

    def decode(self, encoded: Tensor) -> Tensor:
        """See `FieldModel.decode`."""
        if encoded.ndim != 2:
            return encoded
        rows = self._parts(encoded)[1].view(len(encoded), -1, *self._source_shape, 2)
        return rows.movedim(-1, 2).flatten(1, 2)

    def _scans_at_once(self, device: torch.device) -> int:
        """Scans that are encoded at a time on ``device``."""
        if self.sources is None:
            return _MOST_AT_ONCE
        room = _GPU_SHARE * free_memory(device) if device.type == "cuda" else _CPU_ROOM
        return min(max(1, int(room / self.sources.bytes_per_scan)), _MOST_AT_ONCE)

    def coefficients(self, encoded: Tensor) -> Tensor:
        """Modal coefficients, complex ``(n, modes)``, of encoded scans of size one."""
        start, corrections, _ = self._corrections(encoded)
        return start + corrections.mean(0)

    def _corrections(self, encoded: Tensor) -> tuple[Tensor, Tensor, Blended | None]:
        """What the network starts from, and what it adds by each image of the scan ``(images, n, modes)``;

        in training by one of them, drawn anew. Last, what it starts from is made of, where that is blended.
        """
        scan = _complex(self._parts(encoded)[1])
        device = encoded.device
        with in_float32(encoded):
            corrected, doubt = self._corrected(encoded)
            phase, facts = _phase(scan), self._facts(encoded)
            turned = scan * phase.conj(), corrected * phase.conj()
            start, size, blended = corrected, doubt[:, None], None
            if self.blend is not None:
                blended = self.blend(scan, corrected, facts)
                start, size = blended.mean, size * blended.share
            every = torch.arange(len(self.images), device=device)
            chosen = torch.randint(len(self.images), (1,), device=device) if self.training else every
            inputs = [torch.cat([self._network_inputs(turned, image), facts], 1) for image in torch.split(chosen, 1)]
        said = [self.network(rows).float() for rows in inputs]
        with in_float32(encoded):
            by_mode = [_complex(rows) * self.output_size for rows in said]
            backs = [self.images.back(rows, image) for rows, image in zip(by_mode, torch.split(chosen, 1), strict=True)]
            return start, torch.stack(backs) * (size * phase), blended

    def _facts(self, encoded: Tensor) -> Tensor:
        """The descriptors of scan and prior, of size one."""
        described = self._parts(encoded)[3]
        return ((described - self.described_mean) / self.described_std).clamp(-_LIMIT, _LIMIT)

    def squared_errors(self, weights: Tensor, normalized: bool) -> SquaredErrors:
        """Exact but for the share of a field that no sum of modes can make, which no weights can change."""
        channel_weights = weights.to(self.target_std)
        if normalized:
            channel_weights = channel_weights / self.target_std.flatten().square()
        mean_squares = MeanSquares(self.modes, channel_weights)

        def measure(batch: Batch) -> tuple[Tensor, Tensor]:
            error, _, scale = self._error_and_truth(batch)
            return mean_squares.of(error if normalized else error * scale)

        return measure

    def relative_squares(self, batch: Batch) -> Tensor:
        """As for every model; of encoded targets the error among the modes, which is all but a part in a thousand."""
        if batch.y.ndim != 2:
            return super().relative_squares(batch)
        error, truth, _ = self._error_and_truth(batch)
        wrong, true = (torch.stack(self._mean_squares.of(part), 1) for part in (error, truth))
        return wrong / true.clamp_min(_TINY)

    def _error_and_truth(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Modal coefficients ``(n, modes)``, both in units of the scale ``(n, 1)``."""
        with in_float32(batch.x):
            encoded = self.encode(batch.x)
            truth = self.target_coefficients(batch.y, encoded)
        return self.coefficients(encoded) - truth, truth, encoded[:, :1]

    def target_coefficients(self, target: Tensor, encoded: Tensor) -> Tensor:
        """Modal coefficients of fields ``(n, 12, ny, nx)`` in units of each sample's scale; those of an encoded

        target, ``(n, 2 * modes)``, are in it already.
        """
        if target.ndim == 2:
            return _complex(target)
        return self.modes.project(target / encoded[:, :1, None, None])

    def descriptors(self, source_h: Tensor) -> Tensor:
        """Those of the scan and of the prior, `CORRECTION_DESCRIPTORS`, and `BLEND_DESCRIPTORS` where it is blended."""
        encoded = self.encode(source_h)
        _, _, prior, described = self._parts(encoded)
        start, corrections, blended = self._corrections(encoded)
        mean = corrections.mean(0)
        size = (start + mean).norm(dim=1) + _TINY
        far = (start + mean - _complex(prior)).norm(dim=1) / size
        apart = square_root((corrections - mean).norm(dim=2).square().mean(0)) / size
        said = [far, apart]
        if blended is not None:
            said.append(blended.spread())
        return torch.cat([described, torch.stack(said, 1).clamp_min(_LEAST_SAID).log()], 1)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.found.device

    def state_digest(self) -> str:
        """Identity of what an encoded sample depends on."""
        digest = hashlib.sha256(self._identity.encode())
        parts = [self.modes, *([] if self.sources is None else [self.sources])]
        for buffer in (buffer for part in parts for buffer in part.state_dict().values()):
            digest.update(np.ascontiguousarray(buffer.cpu().numpy()).tobytes())
        return digest.hexdigest()

    def encoded(self, samples: IdentifiedSamples, memo: Memo, with_targets: bool) -> EncodedSamples:
        """``samples`` with encoded scans, and with encoded targets where they are trained on."""
        return EncodedSamples.of(samples, self, memo, with_targets)

    @torch.no_grad()
    def prepare(self, train: IdentifiedSamples, memo: Memo) -> None:
        """Find modes and sources' fields where there are none yet, then fit all but the network to ``train``."""
        if not self.found:
            count = SNAPSHOTS_PER_MODE * self.modes.count
            few = train.__getitems__(list(range(0, len(train), -(-len(train) // count)))).to(self.device)
            self.modes.find([physical_snapshots(self._geometry, self._region, count), self._snapshots(few)])
            if self.sources is not None:
                self.sources.find(self.modes)
            if self.blend is not None:
                self.blend.find(self.modes)
            self.images.find(self.modes)
            self.found.fill_(True)
        encoded = self.encoded(train, memo, with_targets=True)
        batches = [list(range(i, min(i + 1024, len(train)))) for i in range(0, len(train), 1024)]
        self._fit_doubt(encoded, batches)
        self._fit_linear(encoded, batches)
        self._fit_blend(encoded, batches)
        self._fit_scales(encoded, batches)

    def _snapshots(self, batch: Batch) -> Complex:
        """Training targets of size one."""
        scaled = batch.y / self.scale(batch.x)
        rows: Complex = complex_rows(scaled.double()).cpu().numpy()
        return rows

    def _encode(self, source_h: Tensor) -> Tensor:
        scan = source_h.double()
        scale = self.scale(scan)
        scaled = scan / scale
        rows = complex_rows(scaled)
        described = [scan_descriptors(scaled)]
        prior = rows.new_zeros(len(rows), self.modes.count)
        if self.sources is not None and (torch.compiler.is_exporting() or self.found):
            prior, more = self.sources(rows)
            described.append(more)
        elif self.sources is not None:
            described.append(scale.new_zeros(len(rows), self._num_prior))
        return torch.cat([scale.flatten(1), _real(rows), _real(prior), *described], 1).float()

    def _parts(self, encoded: Tensor) -> tuple[Tensor, ...]:
        return torch.split(encoded, self._widths, 1)

    def _corrected(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """The linearly corrected coefficients, and the size that corrections are expected to have ``(n,)``."""
        _, scan, prior, described = self._parts(encoded)
        doubt = (self.doubt[0] + described @ self.doubt[1:]).clamp(-_LIMIT * 4, _LIMIT).exp()
        coefficients = _complex(prior)
        return coefficients + self._regressors(_complex(scan), coefficients) @ self.linear, doubt

    def _regressors(self, scan: Tensor, prior: Tensor) -> Tensor:
        return scan if self.sources is None else torch.cat([scan, prior], 1)

    def _network_inputs(self, turned: tuple[Tensor, Tensor], image: Tensor) -> Tensor:
        """The image of scans and coefficients that the phase was taken out of, as real numbers of size one."""
        scan, coefficients = turned
        seen = torch.cat([self.images.scans(scan, image), self.images.coefficients(coefficients, image)], 1)
        return _real(seen / self.input_size).clamp(-_LIMIT, _LIMIT)

    def _fit_doubt(self, encoded: BatchDataset, batches: list[list[int]]) -> None:
        """How far the prior's coefficients are off, log-linear in the descriptors."""
        x, y = [], []
        for batch in (encoded.__getitems__(indices).to(self.device) for indices in batches):
            _, _, prior, described = self._parts(batch.x)
            x.append(torch.cat([torch.ones_like(described[:, :1]), described], 1).double())
            y.append((_complex(batch.y) - _complex(prior)).norm(dim=1).clamp_min(1e-12).log().double())
        self.doubt.copy_(fit_with_ridge(torch.cat(x), torch.cat(y)[:, None], _DOUBT_RIDGE)[:, 0])

    def _fit_linear(self, encoded: BatchDataset, batches: list[list[int]]) -> None:
        """The linear correction, with the ridge that held-out samples like best; none where they like none."""
        self.linear.zero_()
        trial = encoded.__getitems__(list(range(len(encoded) - len(encoded) // _HELD_OUT, len(encoded))))
        trial = trial.to(self.device)
        fitted, everything = (RidgeSums(*self.linear.shape) for _ in range(2))
        for indices in tqdm(batches, desc="linear correction", unit="batch", mininterval=1.0, leave=False):
            batch = encoded.__getitems__(indices).to(self.device)
            _, scan, prior, _ = self._parts(batch.x)
            weight = 1 / self._corrected(batch.x)[1][:, None]
            x = self._regressors(_complex(scan), _complex(prior)) * weight
            y = (_complex(batch.y) - _complex(prior)) * weight
            kept = torch.tensor(indices) < len(encoded) - len(trial.x)
            everything.add(x.cpu().numpy(), y.cpu().numpy())
            fitted.add(x[kept].cpu().numpy(), y[kept].cpu().numpy())
        if len(trial.x) == 0:
            return
        worthwhile = _WORTHWHILE_ALONE if self.sources is None else _WORTHWHILE
        best, chosen, factors = worthwhile * self._typical_error(trial), None, fitted.factored()
        for ridge in _RIDGES:
            self.linear.copy_(torch.from_numpy(factors.solve(ridge)))
            error = self._typical_error(trial)
            if error < best:
                best, chosen = error, ridge
        if chosen is None:
            self.linear.zero_()
        else:
            self.linear.copy_(torch.from_numpy(everything.solve(chosen)))

    def _typical_error(self, trial: Batch) -> float:
        """Median relative error of the linearly corrected coefficients."""
        truth = _complex(trial.y)
        errors = (self._corrected(trial.x)[0] - truth).norm(dim=1) / (truth.norm(dim=1) + _TINY)
        return float(errors.median())

    def _fit_blend(self, encoded: BatchDataset, batches: list[list[int]]) -> None:
        """How good the estimates are that are blended, and how far apart."""
        if self.blend is None:
            return
        seen = []
        for batch in (encoded.__getitems__(indices).to(self.device) for indices in batches):
            scan = _complex(self._parts(batch.x)[1])
            seen.append(self.blend.compared(scan, self._corrected(batch.x)[0], _complex(batch.y)))
        apart, errors = (torch.cat(part) for part in zip(*seen, strict=True))
        self.blend.fit(apart, errors)

    def _fit_scales(self, encoded: BatchDataset, batches: list[list[int]]) -> None:
        """The size of the network's inputs and outputs, over the training samples and their images."""
        inputs, outputs = self.input_size.double() * 0, self.output_size.double() * 0
        facts = []
        for batch in (encoded.__getitems__(indices).to(self.device) for indices in batches):
            _, scan, _, described = self._parts(batch.x)
            corrected, doubt = self._corrected(batch.x)
            error = (_complex(batch.y) - corrected) / doubt[:, None]
            facts.append(described.double())
            for image in torch.split(torch.arange(len(self.images), device=self.device), 1):
                seen = self.images.scans(_complex(scan), image), self.images.coefficients(corrected, image)
                inputs += torch.cat(seen, 1).abs().double().square().sum(0)
                outputs += self.images.coefficients(error, image).abs().double().square().sum(0)
        count = len(encoded) * len(self.images)
        self.input_size.copy_(square_root(inputs / count + _VARIANCE_FLOOR * inputs.mean() / count + _TINY))
        self.output_size.copy_(square_root(outputs / count))
        described = torch.cat(facts)
        self.described_mean.copy_(described.mean(0))
        self.described_std.copy_(described.std(0, correction=0).clamp_min(_LEAST_SPREAD))


def _phase(scan: Tensor) -> Tensor:
    """Half the phase of h . h, ``(n, 1)``, of size one: no symmetry changes it, and its sign is of no account."""
    squares = scan.square().sum(1, keepdim=True)
    unit = squares / squares.abs().clamp_min(_TINY)
    real = square_root(((1 + unit.real) / 2).clamp_min(0))
    imaginary = square_root(((1 - unit.real) / 2).clamp_min(0))
    return torch.complex(real, torch.where(unit.imag < 0, -imaginary, imaginary))


def _complex(rows: Tensor) -> Tensor:
    return torch.complex(rows[:, 0::2], rows[:, 1::2])


def _real(rows: Tensor) -> Tensor:
    return torch.view_as_real(rows).flatten(1)
