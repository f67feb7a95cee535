"""Fields without phase are told from those that have one."""

from pathlib import Path

import numpy as np
import pytest

from emfm.acquire.phase import missing_phase
from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.simulate import SimulatedSource
from emfm.core.channels import SOURCE_COMPONENTS, TARGET_COMPONENTS, to_channels, to_components
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params

CASES = Path(__file__).parents[2] / "data" / "cases" / "infer_phaseless"
ROOT = Path(__file__).parents[3]
GRID = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
FREQUENCY = 5e9


def found(channels, grid=GRID, frequency=FREQUENCY, names=SOURCE_COMPONENTS):
    """What is said of a single sample."""
    (problem,) = missing_phase(channels[None], names, grid, frequency)
    return problem


def with_phase():
    """The case's scan, turned so that real and imaginary parts are of one size."""
    return np.exp(1j) * to_components(np.load(CASES / "with_phase.npy"))


def test_the_scan_of_a_case_has_a_phase_and_its_magnitudes_have_none():
    assert found(np.load(CASES / "with_phase.npy")) is None
    assert found(np.load(CASES / "magnitude_only.npy")) == (
        "magnitudes without phase: every imaginary part of Hx and Hy is zero, and no real part is negative; "
        "measure or export real and imaginary parts"
    )


def without_hy_im(scan):
    return np.stack([scan[0], scan[1].real])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda scan: scan.real + 0j, "no phase: every imaginary part of Hx and Hy is zero"),
        (lambda scan: -np.abs(scan) + 0j, "no phase: every imaginary part of Hx and Hy is zero"),
        (lambda scan: 1j * np.abs(scan), "no phase: every real part of Hx and Hy is zero"),
        (lambda scan: 1j * scan.imag, "no phase: every real part of Hx and Hy is zero"),
        (lambda scan: np.exp(0.7j) * np.abs(scan), "no phase: that of Hx and Hy is the same at every point"),
        (lambda scan: np.exp(0.7j) * scan.real, "no phase: that of Hx and Hy is the same at every point"),
        (lambda scan: np.abs(scan) * np.exp([[[0.7j]], [[2j]]]), "no phase: that of Hx and Hy is the same"),
        (without_hy_im, "no phase: every imaginary part of Hy is zero"),
        (
            lambda scan: scan.real[[0, 0]] * np.array([[[1]], [[0]]]) + 0j,
            "no phase: every imaginary part of Hx is zero",
        ),
    ],
)
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_scan_that_lost_its_phase_is_found_however_it_was_written(spoil, sentence, size):
    channels = to_channels(size * spoil(with_phase())).astype(np.float32)
    assert found(channels).startswith(sentence)


def test_a_scan_with_seven_digits_of_a_text_file_is_found():
    turned = to_channels(np.exp(0.7j) * np.abs(with_phase()))
    assert found(np.vectorize(lambda value: float(f"{value:.6e}"))(turned)) is not None


def test_a_component_that_is_zero_or_rounding_alone_says_nothing():
    scan = with_phase()
    assert found(to_channels(np.stack([scan[0], 0 * scan[0]]))) is None
    assert found(to_channels(np.stack([scan[0], 1e-6 * scan[1].real + 0j]))) is None
    assert found(np.zeros((4, 11, 11))) is None


def test_of_a_batch_each_sample_is_judged_alone():
    batch = np.stack([np.load(CASES / f"{name}.npy") for name in ("with_phase", "magnitude_only", "with_phase")])
    problems = missing_phase(batch, SOURCE_COMPONENTS, GRID, FREQUENCY)
    assert [problem is None for problem in problems] == [True, False, True]


@pytest.mark.parametrize(
    ("kind", "scenes"), [("aperture", "loops"), *(("elements", name) for name in SCENE_KINDS.names())]
)
@pytest.mark.parametrize("frequency", [3e7, 5e9])
def test_every_simulated_scene_has_a_phase(scenes, kind, frequency):
    """Single elements, loops and traces in phase, too, from electrically small planes to large ones."""
    target = Grid(-25e-3, -25e-3, 5e-3, 5e-3, 11, 11, 5e-3)
    geometry = Geometry(frequency, GRID, target)
    params = scene_params(kind=kind, mix={scenes: 1.0}, max_elements=1, num_samples=12)
    samples = [SimulatedSource(geometry, params, 0).sample(row) for row in range(12)]
    scans, fields = (np.stack([getattr(sample, name) for sample in samples]) for name in ("source_h", "target"))
    assert missing_phase(scans, SOURCE_COMPONENTS, GRID, frequency) == [None] * 12
    assert missing_phase(fields, TARGET_COMPONENTS, target, frequency) == [None] * 12


@pytest.mark.parametrize("points", [3, 5, 11])
@pytest.mark.parametrize("magnetic", [False, True])
@pytest.mark.parametrize("moment", [(1, 0, 0), (0, 0, 1), (0.6, 0, 0.8)])
def test_a_single_element_below_the_middle_of_a_plane_has_a_phase(points, magnetic, moment):
    """The field that comes nearest to one phase, on planes from electrically small ones to the default's size."""
    pitch = 10e-3 / (points - 1)
    grid = Grid(-5e-3, -5e-3, pitch, pitch, points, points, pitch / 2)
    moments = [np.zeros((1, 3)), np.array([moment])]
    for frequency in (1e7, 1e9, 4.8e9, 1e10):
        fields = element_fields(grid.points(), [[0, 0, 0]], moments[not magnetic], moments[magnetic], frequency)
        scan = np.asarray(fields[1]).T[:2].reshape(2, *grid.shape)
        assert found(to_channels(scan).astype(np.float32), grid, frequency) is None


def test_the_fields_of_another_program_have_a_phase():
    with np.load(ROOT / "data" / "reference" / "nec_cases.npz", allow_pickle=False) as cases:
        scans, fields, axis = cases["source_H"], cases["target"], cases["target_axis"]
    step = float(axis[1] - axis[0])
    target = Grid(float(axis[0]), float(axis[0]), step, step, len(axis), len(axis), 5e-3)
    assert missing_phase(scans, SOURCE_COMPONENTS, GRID, FREQUENCY) == [None] * len(scans)
    assert missing_phase(fields, TARGET_COMPONENTS, target, FREQUENCY) == [None] * len(fields)
