"""Fields of current elements, against Maxwell's equations, textbook results and a method-of-moments program."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.acquire.aperture import on_grid
from emfm.core.channels import to_channels
from emfm.core.constants import EPSILON_0, ETA_0, MU_0, SPEED_OF_LIGHT
from emfm.core.elements import FieldPoints, element_fields, textbook_fields, unit_element_fields
from emfm.core.grid import Grid

FREQUENCY = 5e9
OMEGA = 2 * np.pi * FREQUENCY
WAVENUMBER = OMEGA / SPEED_OF_LIGHT
NEC = Path(__file__).parents[3] / "data" / "reference" / "nec_cases.npz"
NOTHING = np.zeros((1, 3))


def random_elements(seed, count=4):
    rng = np.random.default_rng(seed)
    positions = rng.uniform(-5e-3, 0, (count, 3))
    electric = rng.normal(size=(count, 3)) + 1j * rng.normal(size=(count, 3))
    magnetic = ETA_0 * (rng.normal(size=(count, 3)) + 1j * rng.normal(size=(count, 3)))
    return positions, electric, magnetic


def curl(field, point, step):
    """Central differences of a vector field ``points -> (P, 3)`` at one point."""
    shifts = step * np.concatenate([np.eye(3), -np.eye(3)])
    values = field(point + shifts)
    gradient = (values[:3] - values[3:]) / (2 * step)
    return np.array(
        [
            gradient[1, 2] - gradient[2, 1],
            gradient[2, 0] - gradient[0, 2],
            gradient[0, 1] - gradient[1, 0],
        ]
    )


@pytest.mark.parametrize("frequency", [1e8, 5e9, 40e9])
@pytest.mark.parametrize("seed", range(10))
def test_the_fast_way_gives_the_numbers_of_the_textbook(seed, frequency):
    elements = random_elements(seed)
    points = np.random.default_rng(seed).uniform(-0.02, 0.02, (50, 3)) + [0, 0, 0.025]
    for fast, textbook in zip(
        element_fields(points, *elements, frequency), textbook_fields(points, *elements, frequency), strict=True
    ):
        distance = np.linalg.norm(fast - textbook, axis=1)
        np.testing.assert_array_less(distance, 1e-12 * np.linalg.norm(textbook, axis=1))


@pytest.mark.parametrize("seed", range(5))
def test_maxwells_curl_equations_hold_to_second_order_in_the_step(seed):
    elements = random_elements(seed)
    point = np.array([2e-3, -1e-3, 6e-3])
    e_field, h_field = (field[0] for field in element_fields([point], *elements, FREQUENCY))

    def residuals(step):
        faraday = curl(lambda p: element_fields(p, *elements, FREQUENCY)[0], point, step) + 1j * OMEGA * MU_0 * h_field
        ampere = (
            curl(lambda p: element_fields(p, *elements, FREQUENCY)[1], point, step) - 1j * OMEGA * EPSILON_0 * e_field
        )
        return np.array(
            [
                np.linalg.norm(faraday) / np.linalg.norm(OMEGA * MU_0 * h_field),
                np.linalg.norm(ampere) / np.linalg.norm(OMEGA * EPSILON_0 * e_field),
            ]
        )

    coarse, fine = residuals(2e-5), residuals(1e-5)
    assert np.all(fine < 1e-3)
    np.testing.assert_allclose(coarse / fine, 4, rtol=0.05)


def test_an_element_radiates_the_textbook_power():
    moment = 1e-3
    latitudes, weights = np.polynomial.legendre.leggauss(24)
    azimuths = np.arange(48) * 2 * np.pi / 48
    cos, azimuth = (grid.ravel() for grid in np.meshgrid(latitudes, azimuths, indexing="ij"))
    sin = np.sqrt(1 - cos**2)
    directions = np.stack([sin * np.cos(azimuth), sin * np.sin(azimuth), cos], axis=1)
    radius = 0.03
    area = np.repeat(weights, 48) * (2 * np.pi / 48) * radius**2

    e_field, h_field = element_fields(radius * directions, NOTHING, [[0, 0, moment]], NOTHING, FREQUENCY)
    flow = 0.5 * np.real(np.cross(e_field, h_field.conj()))
    power = np.sum(np.einsum("pi,pi->p", flow, directions) * area)

    assert power == pytest.approx(ETA_0 * (WAVENUMBER * moment) ** 2 / (12 * np.pi), rel=1e-10)


def test_far_away_the_field_is_the_textbook_spherical_wave():
    moment, radius, angle = 2e-3, 500.0, 0.7
    point = radius * np.array([[np.sin(angle), 0, np.cos(angle)]])
    e_field, h_field = element_fields(point, NOTHING, [[0, 0, moment]], NOTHING, FREQUENCY)

    wave = 1j * WAVENUMBER * moment * np.sin(angle) * np.exp(-1j * WAVENUMBER * radius) / (4 * np.pi * radius)
    theta = np.array([np.cos(angle), 0, -np.sin(angle)])
    np.testing.assert_allclose(e_field[0], ETA_0 * wave * theta, rtol=0, atol=2e-4 * abs(ETA_0 * wave))
    np.testing.assert_allclose(h_field[0], wave * np.array([0, 1, 0]), rtol=0, atol=2e-4 * abs(wave))


def test_close_by_the_magnetic_field_is_that_of_biot_and_savart():
    point = np.array([[1e-5, 0, 0]])
    _, h_field = element_fields(point, NOTHING, [[0, 0, 1e-9]], NOTHING, 1e6)
    assert h_field[0, 1].real == pytest.approx(1e-9 / (4 * np.pi * 1e-10), rel=1e-6)


def test_a_magnetic_element_is_the_dual_of_an_electric_one():
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.02, 0.02, (20, 3)) + [0, 0, 0.05]
    positions, moments, _ = random_elements(4)
    e_field, h_field = element_fields(points, positions, moments, 0 * moments, FREQUENCY)
    e_dual, h_dual = element_fields(points, positions, 0 * moments, moments, FREQUENCY)
    np.testing.assert_allclose(h_dual, e_field / ETA_0**2, rtol=1e-12)
    np.testing.assert_allclose(e_dual, -h_field, rtol=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_fields_are_linear_in_the_moments(seed, real, imag):
    factor = complex(real, imag)
    positions, electric, magnetic = random_elements(seed)
    points = np.array([[0, 0, 5e-3], [0.01, 0.02, 5e-3]])
    whole = element_fields(points, positions, factor * electric, factor * magnetic, FREQUENCY)
    one_by_one = [
        sum(
            element_fields(points, positions[[n]], factor * electric[[n]], factor * magnetic[[n]], FREQUENCY)[quantity]
            for n in range(len(positions))
        )
        for quantity in (0, 1)
    ]
    scaled = element_fields(points, positions, electric, magnetic, FREQUENCY)
    for got, parts, unscaled in zip(whole, one_by_one, scaled, strict=True):
        size = np.abs(unscaled).max() * max(abs(factor), 1e-300)
        np.testing.assert_allclose(got, parts, rtol=0, atol=1e-12 * size)
        np.testing.assert_allclose(got, factor * unscaled, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("count", [0, 1, 7, 300])
def test_prepared_points_have_the_real_and_imaginary_parts_of_the_same_fields(count):
    rng = np.random.default_rng(count)
    positions, moments, _ = random_elements(count, count)
    magnetic = rng.random(count) < 0.5
    points = rng.uniform(-0.02, 0.02, (100, 3)) + [0, 0, 0.03]
    parts = FieldPoints(points, FREQUENCY).parts(positions, moments, magnetic)
    mask = magnetic[:, None]
    vectors = element_fields(points, positions, moments * ~mask, moments * mask, FREQUENCY)
    assert parts.shape == (2, 3, 2, 100)
    for part, vector in zip(parts, vectors, strict=True):
        tolerance = 1e-12 * np.abs(vector).max()
        np.testing.assert_allclose(part[:, 0], vector.real.T, rtol=0, atol=tolerance)
        np.testing.assert_allclose(part[:, 1], vector.imag.T, rtol=0, atol=tolerance)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(1e8, 2e10))
@settings(max_examples=25, deadline=None)
def test_fields_of_unit_elements_times_moments_add_up_to_the_field_of_the_elements(seed, count, frequency):
    positions, electric, magnetic = random_elements(seed, count)
    points = np.random.default_rng(seed).uniform(-0.02, 0.02, (9, 3)) + [0, 0, 0.03]
    unit = unit_element_fields(points, positions, frequency)
    assert unit.shape == (count, 6, 9, 6)
    found = np.einsum("nm,nmpc->pc", np.concatenate([electric, magnetic], axis=1), unit)
    for part, truth in zip(
        np.split(found, 2, axis=1), element_fields(points, positions, electric, magnetic, frequency), strict=True
    ):
        np.testing.assert_allclose(part, truth, rtol=0, atol=1e-11 * np.abs(truth).max())


@pytest.mark.parametrize(
    ("points", "frequency", "sentence"),
    [
        (np.zeros((2, 2)), FREQUENCY, r"points must have the shape \(n, 3\), found \(2, 2\)"),
        (NOTHING, FREQUENCY, "a point lies on an element, where the field is infinite"),
        ([[0, 0, 1e-3]], -1.0, "frequency must be above 0 Hz, found -1.0"),
    ],
)
def test_a_unit_element_without_a_field_is_refused(points, frequency, sentence):
    with pytest.raises(ValueError, match=sentence):
        unit_element_fields(points, NOTHING, frequency)


def test_a_rotation_by_a_quarter_turn_maps_fields_to_fields():
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    positions, electric, magnetic = random_elements(5)
    points = np.array([[3e-3, 1e-3, 5e-3], [-0.01, 0.02, 5e-3]])
    fields = element_fields(points, positions, electric, magnetic, FREQUENCY)
    turned = element_fields(points @ turn.T, positions @ turn.T, electric @ turn.T, magnetic @ turn.T, FREQUENCY)
    for before, after in zip(fields, turned, strict=True):
        np.testing.assert_allclose(after, before @ turn.T, rtol=0, atol=1e-12 * np.abs(before).max())


def test_the_result_of_a_point_does_not_depend_on_the_other_points():
    positions, electric, magnetic = random_elements(6)
    points = np.random.default_rng(0).uniform(-0.02, 0.02, (9000, 3)) + [0, 0, 0.03]
    together = element_fields(points, positions, electric, magnetic, FREQUENCY)
    alone = element_fields(points[8999:], positions, electric, magnetic, FREQUENCY)
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many[8999:], one, rtol=1e-12)


@pytest.mark.parametrize("case", range(12))
def test_the_sum_over_elements_agrees_with_a_method_of_moments_program(case):
    with np.load(NEC, allow_pickle=False) as nec:
        rows = slice(nec["element_offset"][case], nec["element_offset"][case + 1])
        positions, moments = nec["element_pos"][rows], nec["element_il"][rows]
        frequency = float(nec["frequency"])
        source = plane(nec["source_axis"], float(nec["source_z"]))
        target = plane(nec["target_axis"], float(nec["target_z"]))
        source_truth, target_truth = nec["source_H"][case], nec["target"][case]

    def fields(grid):
        vectors = element_fields(grid.points(), positions, moments, np.zeros_like(moments), frequency)
        return [to_channels(on_grid(vector, grid)) for vector in vectors]

    e_field, h_field = fields(target)
    assert relative_error(fields(source)[1][:4], source_truth) < 1e-4
    assert relative_error(e_field, target_truth[:6]) < 1e-4
    assert relative_error(h_field, target_truth[6:]) < 1e-4


def plane(axis, z):
    pitch = (axis[-1] - axis[0]) / (len(axis) - 1)
    return Grid(axis[0], axis[0], pitch, pitch, len(axis), len(axis), z)


def relative_error(got, truth):
    return np.linalg.norm(got - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"points": np.zeros((2, 2))}, r"points must have the shape \(n, 3\), found \(2, 2\)"),
        ({"electric": np.zeros((2, 3))}, r"electric must have one row per position \(1\), found 2"),
        ({"magnetic": [[0, np.nan, 0]]}, "magnetic must be finite; row 0 is not"),
        ({"frequency": 0.0}, "frequency must be above 0 Hz, found 0.0"),
        (
            {"points": NOTHING, "electric": [[1, 0, 0]]},
            "a point lies on an element, where the field is infinite",
        ),
    ],
)
def test_what_has_no_field_is_refused(change, sentence):
    arguments = {
        "points": [[0, 0, 1e-3]],
        "positions": NOTHING,
        "electric": NOTHING,
        "magnetic": NOTHING,
        "frequency": FREQUENCY,
    }
    with pytest.raises(ValueError, match=sentence):
        element_fields(**(arguments | change))
