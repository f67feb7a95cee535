"""`pod_net`: modal coefficients of the field from a physical prior, a linear correction and a small network.

The prior is the field of the few sources that explain the scan (`emfm.model.search.sparse_sources`), or nothing. A
complex matrix corrects it linearly, a network of real numbers beyond that; both are as large as the prior's own
uncertainty says, so that what is certain stays untouched. Everything but the network is found in closed form from the
training samples, and computed once a sample: what is trained costs a few matrix products.

A complex factor on a scan is a factor on its field (Maxwell's equations are linear): size and phase are taken out.
"""

import hashlib
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from emfm.core.channels import E_CHANNELS, H_CHANNELS, Complex
from emfm.core.ridge import RidgeSums
from emfm.model.complex_rows import complex_rows, row_length
from emfm.model.encoding import EncodedSamples, IdentifiedSamples
from emfm.model.field_model import FieldModel, SquaredErrors, in_float32
from emfm.model.ridge import fit_with_ridge
from emfm.model.search.modes import SNAPSHOTS_PER_MODE, FieldModes
from emfm.model.search.snapshots import physical_snapshots
from emfm.model.search.sparse_sources import DESCRIPTORS, SparseSources
from emfm.model.spec import FieldSpec
from emfm.model.trust import SCAN_DESCRIPTORS, scan_descriptors
from emfm.models.pod_net.params import PodNetParams
from ttt.engine.on_device import free_memory
from ttt.engine.side_by_side import side_by_side
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
_WORTHWHILE: Final = 0.9
"""A linear correction must lower the held-out error to this share, or there is none."""
_LIMIT: Final = 5.0
_VARIANCE_FLOOR: Final = 1e-6
"""Of a network's input, relative to the mean: the strongest mode has no imaginary part but rounding."""
_TINY: Final = 1e-30


class PodNet(FieldModel):
    """See the module. An encoded scan is a row of real numbers, which `forward` takes in the place of the scan."""

    def __init__(self, params: PodNetParams, spec: FieldSpec) -> None:
        geometry = spec.geometry()
        has_prior = params.prior == "sparse_sources"
        self._num_prior = len(DESCRIPTORS) if has_prior else 0
        super().__init__(spec.norm, len(SCAN_DESCRIPTORS) + self._num_prior + 1)
        self._identity = f"{params.sources.model_dump_json()} {spec.norm.scale_by_source}"
        self._geometry = geometry
        self._region = params.sources
        self._source_shape = geometry.source.shape
        self.modes = FieldModes(params.modes, geometry)
        count = self.modes.count
        self.sources = SparseSources(params.sources, geometry, count) if has_prior else None
        self._row = row_length(*geometry.source.shape)
        self._widths = [1, 2 * self._row, 2 * count, len(SCAN_DESCRIPTORS) + self._num_prior]
        inputs = self._row + (count if has_prior else 0)
        self.found: Tensor
        self.linear: Tensor
        self.doubt: Tensor
        self.input_mean: Tensor
        self.input_std: Tensor
        self.output_std: Tensor
        self.register_buffer("found", torch.tensor(False))
        self.register_buffer("linear", torch.zeros(inputs, count, dtype=torch.complex64))
        self.register_buffer("doubt", torch.zeros(self._widths[-1] + 1))
        self.register_buffer("input_mean", torch.zeros(2 * (self._row + count)))
        self.register_buffer("input_std", torch.ones(2 * (self._row + count)))
        self.register_buffer("output_std", torch.zeros(count))
        layers: list[nn.Module] = []
        for depth in range(params.depth):
            layers += [nn.Linear(params.width if depth else len(self.input_mean), params.width), nn.GELU()]
        last = nn.Linear(params.width, 2 * count)
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

    def _scans_at_once(self, device: torch.device) -> int:
        """Scans that are encoded at a time on ``device``."""
        if self.sources is None:
            return _MOST_AT_ONCE
        room = _GPU_SHARE * free_memory(device) if device.type == "cuda" else _CPU_ROOM
        return min(max(1, int(room / self.sources.bytes_per_scan)), _MOST_AT_ONCE)

    def coefficients(self, encoded: Tensor) -> Tensor:
        """Modal coefficients, complex ``(n, modes)``, of encoded scans of size one."""
        with in_float32(encoded):
            corrected, doubt = self._corrected(encoded)
            phase = _phase(corrected)
            inputs = self._network_inputs(_complex(self._parts(encoded)[1]), corrected, phase)
        correction = self.network(inputs)
        by_mode = _complex(correction.float()) * self.output_std
        return corrected + doubt[:, None] * by_mode * phase

    def squared_errors(self, weights: Tensor, normalized: bool) -> SquaredErrors:
        """Exact but for the share of a field that no sum of modes can make, which no weights can change."""
        channel_weights = weights.to(self.target_std)
        if normalized:
            channel_weights = channel_weights / self.target_std.flatten().square()
        known: dict[object, tuple[Tensor, Tensor]] = {}

        def current_forms() -> tuple[Tensor, Tensor]:
            """Computed anew when the modes have changed."""
            key = (self.modes.modes._version, self.device)
            if key not in known:
                known.clear()
                known[key] = self._forms(channel_weights)
            return known[key]

        def measure(batch: Batch) -> tuple[Tensor, Tensor]:
            of_e, of_h = current_forms()
            with in_float32(batch.x):
                encoded = self.encode(batch.x)
                truth = self.target_coefficients(batch.y, encoded)
            error = self.coefficients(encoded) - truth
            if not normalized:
                error = error * encoded[:, :1]
            rows = torch.view_as_real(error).flatten(1)
            with in_float32(rows):
                return ((rows @ of_e) * rows).sum(1), ((rows @ of_h) * rows).sum(1)

        return measure

    def _forms(self, channel_weights: Tensor) -> tuple[Tensor, Tensor]:
        """The quadratic forms of E's and H's weighed mean square."""
        forms = self.modes.channel_forms() * channel_weights.to(self.device)[:, None, None]
        return forms[E_CHANNELS].mean(0), forms[H_CHANNELS].mean(0)

    def relative_errors(self, batch: Batch) -> Tensor:
        """As for every model; of encoded targets the error among the modes, which is all but a part in a thousand."""
        if batch.y.ndim != 2:
            return super().relative_errors(batch)
        truth = _complex(batch.y)
        error = self.coefficients(self.encode(batch.x)) - truth
        pairs = [torch.view_as_real(part).flatten(1) for part in (error, truth)]
        forms = self.modes.channel_forms()
        squares = [
            [((rows @ form) * rows).sum(1).clamp_min(_TINY) for rows in pairs]
            for form in (forms[E_CHANNELS].mean(0), forms[H_CHANNELS].mean(0))
        ]
        return torch.stack([(wrong / true).sqrt() for wrong, true in squares], 1)

    def target_coefficients(self, target: Tensor, encoded: Tensor) -> Tensor:
        """Modal coefficients of fields ``(n, 12, ny, nx)`` in units of each sample's scale; those of an encoded

        target, ``(n, 2 * modes)``, are in it already.
        """
        if target.ndim == 2:
            return _complex(target)
        return self.modes.project(target / encoded[:, :1, None, None])

    def descriptors(self, source_h: Tensor) -> Tensor:
        """Those of the scan and of the prior, and how far the corrections go."""
        encoded = self.encode(source_h)
        prior = _complex(self._parts(encoded)[2])
        final = self.coefficients(encoded)
        far = (final - prior).norm(dim=1) / (final.norm(dim=1) + _TINY)
        return torch.cat([self._parts(encoded)[3], far.clamp_min(1e-6).log()[:, None]], 1)

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
            self.found.fill_(True)
        encoded = self.encoded(train, memo, with_targets=True)
        batches = [list(range(i, min(i + 1024, len(train)))) for i in range(0, len(train), 1024)]
        self._fit_doubt(encoded, batches)
        self._fit_linear(encoded, batches)
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

    def _network_inputs(self, scan: Tensor, coefficients: Tensor, phase: Tensor) -> Tensor:
        turned = torch.cat([scan, coefficients], 1) * phase.conj()
        return ((_real(turned) - self.input_mean) / self.input_std).clamp(-_LIMIT, _LIMIT)

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
        best, chosen, factors = _WORTHWHILE * self._typical_error(trial), None, fitted.factored()
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

    def _fit_scales(self, encoded: BatchDataset, batches: list[list[int]]) -> None:
        """Mean and size of the network's inputs, and the size of its outputs."""
        first = second = self.input_mean.double() * 0
        rest = self.output_std.double() * 0
        self.input_mean.zero_()
        self.input_std.fill_(1.0)
        for batch in (encoded.__getitems__(indices).to(self.device) for indices in batches):
            corrected, doubt = self._corrected(batch.x)
            phase = _phase(corrected)
            scan = _complex(self._parts(batch.x)[1])
            inputs = _real(torch.cat([scan, corrected], 1) * phase.conj()).double()
            first, second = first + inputs.sum(0), second + inputs.square().sum(0)
            error = (_complex(batch.y) - corrected) / doubt[:, None]
            rest = rest + error.abs().double().square().sum(0)
        mean = first / len(encoded)
        self.input_mean.copy_(mean)
        variance = second / len(encoded) - mean.square()
        self.input_std.copy_(variance.clamp_min(_VARIANCE_FLOOR * variance.mean() + _TINY).sqrt())
        self.output_std.copy_((rest / len(encoded)).sqrt())


def _phase(coefficients: Tensor) -> Tensor:
    """The phase of the strongest mode, ``(n, 1)``, of size one."""
    first = coefficients[:, :1]
    return first / first.abs().clamp_min(_TINY)


def _complex(rows: Tensor) -> Tensor:
    return torch.complex(rows[:, 0::2], rows[:, 1::2])


def _real(rows: Tensor) -> Tensor:
    return torch.view_as_real(rows).flatten(1)
