"""Point sources made by hand, whose fields are known, as a search would have found them."""

from dataclasses import replace

import numpy as np

from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.model.explained import ExplainedScans
from emfm.sources.found import FREEDOMS, CurrentElements, PointSources


def no_elements(frequency):
    """A background of nothing."""
    nothing = np.zeros((0, 3), complex)
    return CurrentElements(np.zeros((0, 3)), nothing, nothing, frequency)


def random_elements(seed, count=4, frequency=5e9, radius=5e-3):
    """Electric and magnetic elements of like strength, all below z = 0."""
    rng = np.random.default_rng(seed)
    electric, magnetic = rng.normal(size=(2, count, 3)) + 1j * rng.normal(size=(2, count, 3))
    positions = rng.uniform([-radius, -radius, -radius], [radius, radius, 0], (count, 3))
    return CurrentElements(positions, 1e-3 * electric, 1e-3 * ETA_0 * magnetic, frequency)


def two_sources(frequency=5e9, spread=0.0, background=None, settled=True):
    """An electric element along x and a magnetic one along z; ``spread`` of each number, relative to the largest."""
    positions = np.array([[1e-3, 0.5e-3, -0.4e-3], [-2e-3, -1e-3, -0.6e-3]])
    moments = np.array([[2e-5, 1e-6j, 0], [0, 0, 3e-3j]])
    scale = np.repeat(np.abs(moments).max(axis=1)[:, None], FREEDOMS, axis=1)
    scale[:, :3] = 1e-3
    covariance = np.diag((spread * scale.ravel()) ** 2)
    background = no_elements(frequency) if background is None else background
    return PointSources(
        positions,
        np.array([False, True]),
        moments,
        covariance,
        np.array([0.8, 0.25]),
        background,
        noise=1e-6,
        settled=settled,
        expected_rel_l2=np.array([0.02, 0.01]),
        bound_rel_l2=np.array([0.05, 0.03]),
    )


def without_elements(sources):
    """Its background alone."""
    names = ("positions", "magnetic", "moments", "share")
    unknown = np.full(2, np.nan)
    return replace(
        sources,
        **{name: getattr(sources, name)[:0] for name in names},
        covariance=np.zeros((0, 0)),
        expected_rel_l2=unknown,
        bound_rel_l2=unknown,
    )


def scan_of(elements, grid):
    """The scan of elements on a plane, ``(4, ny, nx)`` float32, A/m."""
    h_field = elements.fields(grid.points())[1][:, :2].T.reshape(2, *grid.shape)
    return to_channels(h_field).astype(np.float32)


def stand_in_search(monkeypatch, found):
    """Let every search find ``found`` below a scan; gives back the list of the numbers of scans that it was given."""
    asked = []

    def find(self, source_h):
        assert source_h.dtype == np.float32
        assert source_h.shape[1] == 4
        asked.append(len(source_h))
        return [found] * len(source_h)

    monkeypatch.setattr(ExplainedScans, "sources", find)
    return asked
