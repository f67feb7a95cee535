"""Targets whose E and H do not belong together, and what they are taken for."""

from pathlib import Path

import numpy as np
import pytest

from emfm.acquire.consistency import inconsistency
from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.simulate import SimulatedSource
from emfm.core.channels import to_channels, to_components
from emfm.core.constants import ETA_0, MU_0
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from emfm.core.maxwell import fit_curls
from emfm.evaluate.reference_cases import read_reference_cases
from scene_params import scene_params

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cases" / "import_accepts_unphysical_targets"
GRID = Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3)
FREQUENCY = 5e9


def case(variant="ok"):
    with np.load(CASES / variant / "c0.npz", allow_pickle=False) as file:
        return file["y"]


def scene(seed=3, grid=GRID, frequency=FREQUENCY, count=4):
    """The field of elements with nothing symmetric about them, ``(6, ny, nx)``."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform([-5e-3, -5e-3, -1.5e-3], [5e-3, 5e-3, 0], (count, 3))
    electric, magnetic = rng.normal(size=(2, count, 3)) + 1j * rng.normal(size=(2, count, 3))
    parts = element_fields(grid.points(), positions, electric, 0.3 * ETA_0 * magnetic, frequency)
    return np.concatenate([np.asarray(part).T for part in parts]).reshape(6, *grid.shape)


def judged(fields, grid=GRID, frequency=FREQUENCY):
    """As an import judges it: in float32."""
    return inconsistency(to_channels(fields).astype(np.float32), grid, frequency)


def of_e(change):
    return lambda fields: np.concatenate([change(fields[:3]), fields[3:]])


def of_h(change):
    return lambda fields: np.concatenate([fields[:3], change(fields[3:])])


def times(factor):
    return lambda fields: fields * np.reshape(factor, (-1, 1, 1))


def transposed(fields):
    return fields.swapaxes(1, 2)


def swapped(fields):
    return fields[[1, 0, 2, 4, 3, 5][: len(fields)]]


MISTAKES = {
    "conjugated": (np.conj, "the time factor is exp\\(-iwt\\); conjugate all values"),
    "E_rms": (of_e(times(0.5**0.5)), "E is in rms, H in peak values .E is 0.7071 times what goes with H.; give V/m"),
    "H_rms": (of_h(times(0.5**0.5)), "H is in rms, E in peak values"),
    "E_mV": (of_e(times(1e3)), "E is in mV/m, or H in kA/m"),
    "H_mA": (of_h(times(1e3)), "H is in mA/m, or E in kV/m"),
    "H_uA": (of_h(times(1e6)), "H is in uA/m"),
    "H_A_per_cm": (of_h(times(1e-2)), "H is in A/cm"),
    "B_tesla": (of_h(times(MU_0)), "H is B in tesla"),
    "E_any_unit": (of_e(times(7.0)), "E and H are in different units .E is 7 times"),
    "E_and_H_swapped": (lambda fields: fields[[3, 4, 5, 0, 1, 2]], "E and H are swapped; put E into the first six"),
    "conjugated_rms": (of_e(lambda e: 0.5**0.5 * e), "E is in rms"),
    "both": (lambda fields: of_e(times(0.5**0.5))(fields).conj(), "exp\\(-iwt\\); .* besides, E is in rms, H in peak"),
    "H_conjugated": (of_h(np.conj), "H alone is conjugated"),
    "E_conjugated": (of_e(np.conj), "E alone is conjugated"),
    "E_sign": (of_e(times(-1)), "E or H has the wrong sign, or x and y are swapped; turn the sign"),
    "H_sign": (of_h(times(-1)), "E or H has the wrong sign"),
    "mirrored": (lambda fields: transposed(swapped(fields)), "E or H has the wrong sign, or x and y are swapped"),
    "Ez_sign": (times([1, 1, -1, 1, 1, 1]), "Ez has another sign or unit than the other components"),
    "Hz_unit": (times([1, 1, 1, 1, 1, 1e3]), "Hz has another sign or unit"),
    "Ex_sign": (times([-1, 1, 1, 1, 1, 1]), "Ex has the wrong sign; turn it"),
    "Ez_missing": (times([1, 1, 0, 1, 1, 1]), "Ez was not exported: it is zero everywhere; export all six components"),
    "E_turned": (of_e(times(np.exp(0.7j))), "different excitations or phases .E is turned by 40 degrees against H."),
    "E_transposed": (of_e(transposed), "the arrays of E are \\[x, y\\]; transpose them"),
    "H_transposed": (of_h(transposed), "the arrays of H are \\[x, y\\]; transpose them"),
    "all_transposed": (transposed, "the arrays of E and H are \\[x, y\\]; transpose them"),
    "components_swapped": (swapped, "the x and y components of E and H are swapped"),
    "E_components_swapped": (of_e(swapped), "the x and y components of E are swapped"),
    "y_descending": (lambda fields: fields[:, ::-1], "the rows of E and H run along descending y; turn them round"),
    "E_x_descending": (of_e(lambda e: e[..., ::-1]), "the columns of E run along descending x"),
    "another_case": (lambda fields: np.concatenate([fields[:3], scene(8)[3:]]), "mixed up .*of another case"),
    "shifted": (of_h(lambda h: np.roll(h, 6, 2)), "axes, components or samples are mixed up"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_a_target_spoiled_as_users_spoil_it_is_found_with_its_cause(mistake, scale):
    spoil, cause = MISTAKES[mistake]
    assert judged(scale * scene()) is None
    with pytest.raises(AssertionError, match=f"break Maxwell's equations at 5 GHz .*most likely .*{cause}"):
        raise AssertionError(judged(spoil(scale * scene())))


@pytest.mark.parametrize(("assumed", "found"), [(2.4e9, "5 GHz"), (1e10, "5 GHz"), (6e9, "5 GHz")])
def test_a_target_of_another_frequency_is_told_its_own(assumed, found):
    problem = judged(to_components(case()), frequency=assumed)
    assert f"the case was solved at {found}; set data.frequency_hz to its frequency" in problem


def test_the_factors_are_those_of_the_mistake():
    def factors(fields, frequency=FREQUENCY):
        return [fit.factor for fit in fit_curls(to_channels(fields), GRID, frequency)]

    fields = scene()
    np.testing.assert_allclose(factors(fields), [1, 1], atol=5e-4)
    np.testing.assert_allclose(factors(fields.conj()), [-1, -1], atol=5e-4)
    np.testing.assert_allclose(factors(of_e(times(0.5**0.5))(fields)), [0.5**0.5, 2**0.5], rtol=5e-4)
    np.testing.assert_allclose(factors(fields, 2.4e9), [5 / 2.4] * 2, rtol=5e-4)


def test_the_case_is_right_and_its_conjugate_is_not():
    assert inconsistency(case(), GRID, FREQUENCY) is None
    assert "the time factor is exp(-iwt)" in inconsistency(case("exp_minus_iwt"), GRID, FREQUENCY)


def test_what_changes_no_field_is_no_mistake():
    fields = scene()
    for same in (-fields, 1j * fields, 1e9 * fields, 1e-9 * fields):
        assert judged(same) is None


@pytest.mark.parametrize("kind", ["elements", "aperture"])
@pytest.mark.parametrize("scenes", SCENE_KINDS.names())
def test_simulated_samples_of_every_kind_are_right(kind, scenes):
    scan = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
    geometry = Geometry(FREQUENCY, scan, Grid(-24e-3, -24e-3, 2e-3, 2e-3, 25, 25, 5e-3))
    source = SimulatedSource(geometry, scene_params(kind=kind, mix={scenes: 1.0}, num_samples=12), 0)
    for row in range(12):
        assert inconsistency(source.sample(row).target, geometry.target, FREQUENCY) is None


def test_the_fields_of_another_program_are_right():
    cases = read_reference_cases(ROOT / "data" / "reference" / "nec_cases.npz")
    for target in cases.target.astype(np.float32):
        assert inconsistency(target, cases.geometry.target, FREQUENCY) is None
        for fit in fit_curls(target, cases.geometry.target, FREQUENCY):
            assert abs(fit.factor - 1) < 5e-4


@pytest.mark.parametrize("frequency", [3e7, 1e8, 1e9, 3e9, 1e10])
@pytest.mark.parametrize(("pitch", "points"), [(1e-3, 21), (5e-3, 11), (5e-3, 21), (2e-3, 5)])
@pytest.mark.parametrize("z", [3e-3, 5e-3, 20e-3])
def test_a_coarse_grid_a_low_frequency_and_a_small_plane_are_no_mistake(frequency, pitch, points, z):
    half = pitch * (points - 1) / 2
    grid = Grid(-half, -half, pitch, pitch, points, points, z)
    for seed in range(10):
        assert judged(scene(seed, grid, frequency), grid, frequency) is None


@pytest.mark.parametrize("mistake", ["conjugated", "E_rms", "E_mV"])
def test_a_mistake_shows_on_a_coarse_grid_that_resolves_the_field(mistake):
    """3 GHz, a pitch of 5 mm at 10 mm above the sources."""
    grid = Grid(-50e-3, -50e-3, 5e-3, 5e-3, 21, 21, 10e-3)
    spoil, cause = MISTAKES[mistake]
    with pytest.raises(AssertionError, match=cause):
        raise AssertionError(judged(spoil(scene(3, grid, 3e9)), grid, 3e9))


@pytest.mark.parametrize("decibels", [20, 30, 40])
@pytest.mark.parametrize("frequency", [1e8, 1e9, 5e9])
def test_noise_is_no_mistake(decibels, frequency):
    rng = np.random.default_rng(0)
    for seed in range(10):
        fields = scene(seed, GRID, frequency)
        noise = rng.normal(size=fields.shape) + 1j * rng.normal(size=fields.shape)
        sizes = np.sqrt([[np.mean(np.abs(part) ** 2) / 2] * 3 for part in (fields[:3], fields[3:])]).reshape(6, 1, 1)
        assert judged(fields + 10 ** (-decibels / 20) * sizes * noise, GRID, frequency) is None


def test_fields_without_a_normal_component_or_with_two_points_say_nothing():
    one_loop = element_fields(GRID.points(), [[0, 0, 0]], np.zeros((1, 3)), np.array([[0, 0, 1.0]]), FREQUENCY)
    fields = np.concatenate([np.asarray(part).T for part in one_loop]).reshape(6, *GRID.shape)
    assert judged(fields) is None
    assert "exp(-iwt)" in judged(fields.conj())
    assert "in different units or measures (rms, peak), or the case was solved at 3.5" in judged(
        of_e(times(0.5**0.5))(fields)
    )
    small = Grid(0, 0, 1e-3, 1e-3, 2, 2, 5e-3)
    assert judged(scene(0, small).conj(), small) is None


def test_random_numbers_are_noise_and_no_mistake():
    rng = np.random.default_rng(0)
    assert inconsistency(rng.normal(size=(12, 51, 51)), GRID, FREQUENCY) is None
