"""Small planes, and simulated samples of them in memory, for tests of models."""

import hashlib
from functools import cache

import numpy as np
import torch

from emfm.acquire.simulate import SimulatedSource
from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.model.search.mirrors import IMAGES
from emfm.model.search.params import SourceRegionParams
from emfm.model.search.source_cells import cell_fields, quarter_in_parts, unit_scans
from emfm.model.spec import FieldSpec
from emfm.models.pod_net.network import PodNetParams
from scene_params import scene_params
from ttt.engine.task import Batch

PLANES = {
    "frequency_hz": 5e9,
    "source_plane": {"z_mm": 1.0, "x_mm": [-4.0, 4.0], "y_mm": [-4.0, 4.0], "pitch_mm": 2.0},
    "target_plane": {"z_mm": 5.0, "x_mm": [-8.0, 8.0], "y_mm": [-6.0, 6.0], "pitch_mm": 2.0},
}
REGION = {"depth_mm": [1.0, 2.5], "margin_mm": 0.5, "cell_mm": 2.25, "layers": 1, "rank": 40, "iterations": 8}
POD_NET = {
    "name": "pod_net",
    "modes": 40,
    "prior": "sparse_sources",
    "sources": REGION,
    "dipoles": {"depths": [1.5], "margins": [0.0, 1.0], "tikhonov": [1e-3]},
    "width": 16,
    "depth": 1,
}


class FieldsInMemory:
    """Samples that can be trained on: an `emfm.model.encoding.IdentifiedSamples`."""

    def __init__(self, source_h, target):
        self.x = torch.as_tensor(source_h, dtype=torch.float32)
        self.y = torch.as_tensor(target, dtype=torch.float32)
        self.fingerprint = self.identity(list(range(len(self.x))))

    def __len__(self):
        return len(self.x)

    def __getitems__(self, indices):
        return Batch(self.x[indices], self.y[indices])

    def identity(self, indices):
        return hashlib.sha256(b"".join(part[indices].numpy().tobytes() for part in (self.x, self.y))).hexdigest()

    def all(self):
        return Batch(self.x, self.y)


def small_geometry(**changes):
    return small_spec_of(None, **changes).geometry()


def small_spec_of(samples, scale_by_source=True, **changes):
    """The facts of ``samples`` on the small planes, any of which can be changed."""
    norm = NORM if samples is None else compute_norm_stats([(samples.x.numpy(), samples.y.numpy())], True, 1e-6)
    norm = norm.model_copy(update={"scale_by_source": scale_by_source})
    return FieldSpec(**(PLANES | changes), norm=norm)


def _any_norm():
    rng = np.random.default_rng(0)
    return compute_norm_stats([(rng.normal(size=(9, 4, 3, 3)), rng.normal(size=(9, 12, 3, 3)))], True, 1e-6)


NORM = _any_norm()


def simulated(kind, count, geometry, seed=0, **changes):
    """Random scenes that radiate as ``kind`` says."""
    params = scene_params(kind=kind, num_samples=count, duplicate_share=0.0, half_width_mm=4.0, **changes)
    source = SimulatedSource(geometry, params, seed)
    samples = [source.sample(row) for row in range(count)]
    return FieldsInMemory(np.stack([s.source_h for s in samples]), np.stack([s.target for s in samples]))


@cache
def small_samples(kind, count, seed=0):
    """`simulated` on the small planes; made once, so not to be changed."""
    return simulated(kind, count, small_geometry(), seed)


def one_sample(geometry, positions_mm, electric, magnetic):
    """The scan ``(1, 4, ny, nx)`` and target ``(1, 12, ny, nx)`` of current elements; moments K*l = eta0 * magnetic."""
    scan = geometry.source.nx * geometry.source.ny
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    positions = np.asarray(positions_mm) * 1e-3
    e_field, h_field = element_fields(points, positions, electric, ETA_0 * np.asarray(magnetic), geometry.frequency)
    source = to_channels(h_field[:scan, :2].T.reshape(1, 2, *geometry.source.shape))
    target = np.concatenate([e_field[scan:].T, h_field[scan:].T]).reshape(1, 6, *geometry.target.shape)
    return torch.from_numpy(source).float(), torch.from_numpy(to_channels(target)).float()


def all_cell_fields(cells, geometry, modes):
    """Scans and coefficients of the groups of all cells, those of the images computed for themselves."""
    parts = [cell_fields(cells, geometry, modes, part) for part in quarter_in_parts(cells)]
    chosen = torch.cat([part.chosen for part in parts])
    quarter = len(cells) // IMAGES
    scans = [chosen @ unit_scans(cells, geometry, np.arange(quarter) + image * quarter) for image in range(IMAGES)]
    return torch.cat(scans), torch.cat([part.fields for part in parts], 1).flatten(0, 1)


def region(**changes):
    return SourceRegionParams(**(REGION | changes))


def pod_net_params(**changes):
    return PodNetParams(**(POD_NET | changes))


def relative_errors(prediction, truth):
    """Of E and of H, each sample: ``(n, 2)``."""
    wrong = (prediction - truth).double()
    return torch.stack(
        [
            wrong[:, part].flatten(1).norm(dim=1) / truth[:, part].double().flatten(1).norm(dim=1)
            for part in (slice(0, 6), slice(6, 12))
        ],
        1,
    )


def times(factor, channels):
    """Complex ``factor`` times fields given as channels of real and imaginary parts."""
    real, imaginary = channels[:, 0::2], channels[:, 1::2]
    product = [factor.real * real - factor.imag * imaginary, factor.real * imaginary + factor.imag * real]
    return torch.stack(product, 2).flatten(1, 2)
