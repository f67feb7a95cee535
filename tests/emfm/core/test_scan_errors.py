"""Effects of a probe's size and place on a scan, against fields computed at the very points."""

import numpy as np
import pytest

from emfm.acquire.simulate import SimulatedSource
from emfm.core.grid import Geometry, Grid
from emfm.core.scan_errors import ScanErrors, difference_matrix
from scene_fields import scene_fields
from scene_params import scene_params

MM = 1e-3
SCAN = Grid(-5 * MM, -5 * MM, MM, MM, 11, 11, 1 * MM)
GEOMETRY = Geometry(5e9, SCAN, Grid(-5 * MM, -5 * MM, MM, MM, 11, 11, 5 * MM))
ERRORS = ScanErrors(SCAN, GEOMETRY.wavenumber)
NOTHING = np.zeros(1)
SCENES = 12
INNER = (..., slice(2, -2), slice(2, -2))


def true_scan(scene, *, dx=0.0, dy=0.0, dz=0.0):
    """Hx and Hy with each scan point moved: complex ``(2, ny, nx)``."""
    moved = SCAN.points() + np.stack(np.broadcast_arrays(np.ravel(dx), np.ravel(dy), dz), -1)
    return scene_fields(scene, moved, GEOMETRY.frequency)[1][:, :2].T.reshape(2, *SCAN.shape)


def averaged(scene, side):
    """The scan averaged over square windows, by Gauss's rule of 3 x 3 points."""
    places, weights = np.polynomial.legendre.leggauss(3)
    return sum(
        a * b / 4 * true_scan(scene, dx=x * side / 2, dy=y * side / 2)
        for x, a in zip(places, weights, strict=True)
        for y, b in zip(places, weights, strict=True)
    )


def lifted(scene, rng):
    dz = rng.normal() * 0.05 * MM
    return ERRORS.lifted_and_averaged(true_scan(scene)[None], np.array([dz]), NOTHING)[0], true_scan(scene, dz=dz)


def through_a_probe(scene, rng):
    side = rng.uniform(0.3, 1.0) * MM
    return ERRORS.lifted_and_averaged(true_scan(scene)[None], NOTHING, np.array([side]))[0], averaged(scene, side)


def misplaced(scene, rng):
    dx, dy = rng.normal(size=(2, *SCAN.shape)) * 0.02 * MM
    return ERRORS.displaced(true_scan(scene)[None], dx[None], dy[None])[0], true_scan(scene, dx=dx, dy=dy)


@pytest.mark.parametrize(
    ("effect", "error", "inner"),
    [(lifted, 0.3, 0.15), (through_a_probe, 0.4, 0.25), (misplaced, 0.5, 0.35)],
)
@pytest.mark.parametrize("kind", ["elements", "traces", "patches"])
def test_an_effect_is_near_the_true_one_above_all_off_the_rim_and_as_large(kind, effect, error, inner):
    source = SimulatedSource(GEOMETRY, scene_params(mix={kind: 1.0}), 1)
    found = []
    for row in range(0, 5 * SCENES, 5):
        scene = source.scene(row)
        clean = true_scan(scene)
        modelled, true = effect(scene, np.random.default_rng(row))
        norm = np.linalg.norm
        found.append(
            (
                norm(modelled - true) / norm(true - clean),
                norm((modelled - true)[INNER]) / norm((true - clean)[INNER]),
                norm(modelled - clean) / norm(true - clean),
            )
        )
    of_all, of_inner, size = np.median(found, axis=0)
    assert of_all < error
    assert of_inner < min(inner, of_all)
    assert 0.85 < size < 1.1


def test_a_fine_scan_of_deep_sources_has_the_true_effects_within_a_few_percent():
    """What limits them is that points one pitch above a source do not resolve its field."""
    fine = Grid(-5 * MM, -5 * MM, 0.25 * MM, 0.25 * MM, 41, 41, 1.5 * MM)
    errors = ScanErrors(fine, GEOMETRY.wavenumber)
    scene = SimulatedSource(GEOMETRY, scene_params(half_width_mm=2.0), 1).scene(0)

    def at(dx=0.0, dz=0.0):
        fields = scene_fields(scene, fine.points() + [dx, 0.0, dz], GEOMETRY.frequency)[1]
        return fields[:, :2].T.reshape(1, 2, *fine.shape)

    step, everywhere = 0.02 * MM, np.ones((1, *fine.shape))
    clean, inner = at(), (..., slice(8, -8), slice(8, -8))
    for modelled, true in (
        (errors.lifted_and_averaged(clean, np.array([step]), NOTHING), at(dz=step)),
        (errors.displaced(clean, step * everywhere, 0 * everywhere), at(dx=step)),
    ):
        error = np.linalg.norm((modelled - true)[inner]) / np.linalg.norm((true - clean)[inner])
        assert error < 0.04


def test_without_an_error_the_scan_is_what_it_was():
    scan = np.random.default_rng(0).normal(size=(3, 2, 11, 11)) + 0j
    nothing = np.zeros(3)
    np.testing.assert_allclose(ERRORS.lifted_and_averaged(scan, nothing, nothing), scan, atol=1e-12)
    assert (ERRORS.displaced(scan, np.zeros((3, 11, 11)), np.zeros((3, 11, 11))) == scan).all()


def test_axes_keep_their_own_pitch_and_direction():
    """A field that is x alone changes where points move along x, and by the slope there."""
    grid = Grid(0.0, 0.0, 0.5 * MM, 2 * MM, 6, 4, 1 * MM)
    errors = ScanErrors(grid, GEOMETRY.wavenumber)
    scan = np.broadcast_to(grid.x / MM, (1, 2, *grid.shape)) + 0j
    dx, dy = np.random.default_rng(0).normal(size=(2, 1, *grid.shape)) * MM
    np.testing.assert_allclose(errors.displaced(scan, dx, dy) - scan, np.stack([dx, dx], 1) / MM, atol=1e-9)
    across = np.broadcast_to(grid.y[:, None] / MM, (1, 2, *grid.shape)) + 0j
    np.testing.assert_allclose(errors.displaced(across, dx, dy) - across, np.stack([dy, dy], 1) / MM, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 5, 11])
def test_differences_are_exact_for_straight_lines_and_from_three_points_on_for_parabolas(count):
    x = 0.5 * np.arange(count)
    matrix = difference_matrix(count, 0.5)
    np.testing.assert_allclose(matrix @ (3 * x + 1), 3, atol=1e-12)
    if count > 2:
        np.testing.assert_allclose(matrix @ x**2, 2 * x, atol=1e-12)
