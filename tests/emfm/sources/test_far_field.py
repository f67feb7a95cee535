"""The far field and the radiated power of current elements, against textbook results and the field itself."""

import numpy as np
import pytest

from emfm.core.constants import ETA_0, SPEED_OF_LIGHT
from emfm.sources.far_field import far_field, radiated_power
from emfm.sources.found import CurrentElements
from point_sources import no_elements, random_elements

FREQUENCY = 5e9
WAVENUMBER = 2 * np.pi * FREQUENCY / SPEED_OF_LIGHT


def one(position=(0, 0, 0), electric=(0, 0, 0), magnetic=(0, 0, 0)):
    return CurrentElements(*(np.array([each]) for each in (position, electric, magnetic)), FREQUENCY)


def spherical_bessel(x):
    """j0, j1 and j2, the last by its series where the formula would lose digits."""
    j0, j1 = np.sin(x) / x, np.sin(x) / x**2 - np.cos(x) / x
    return j0, j1, x**2 / 15 * (1 - x**2 / 14) if x < 0.1 else 3 * j1 / x - j0


def power_of_pairs(elements):
    """The radiated power as a double sum over elements, in closed form: no sphere, no quadrature.

    With x = k d, j0, j1, j2 of x: the integral of (1 - rr) exp(jk r.d) over the sphere is
    4 pi ((2/3 j0 - 1/3 j2) 1 + j2 dd), that of r exp(jk r.d) is 4 pi j j1 d.
    """
    k, total = 2 * np.pi * elements.frequency / SPEED_OF_LIGHT, 0.0
    for i in range(len(elements)):
        for j in range(len(elements)):
            apart = elements.positions[j] - elements.positions[i]
            x, d = k * np.linalg.norm(apart), apart / (np.linalg.norm(apart) or 1.0)
            j0, j1, j2 = (1, 0, 0) if i == j else spherical_bessel(x)
            p, q = elements.electric, elements.magnetic
            for moments, factor in ((p, ETA_0), (q, 1 / ETA_0)):
                kernel = (2 * j0 - j2) / 3 * moments[j] + j2 * d * (d @ moments[j])
                total += factor * k**2 / (8 * np.pi) * np.vdot(moments[i], kernel).real
            total += k**2 / (4 * np.pi) * (1j * j1 * np.vdot(p[i], np.cross(q[j], d))).real
    return total


def test_a_short_dipole_radiates_what_the_textbook_says():
    current_times_length = 2e-3 - 1e-3j
    expected = ETA_0 * WAVENUMBER**2 * abs(current_times_length) ** 2 / (12 * np.pi)
    found = radiated_power(one((3e-3, -1e-3, 2e-3), electric=(0, 0, current_times_length)))
    assert found == pytest.approx(expected, rel=1e-12)
    magnetic = radiated_power(one(magnetic=(ETA_0 * current_times_length, 0, 0)))
    assert magnetic == pytest.approx(expected, rel=1e-12)


def test_the_pattern_of_a_dipole_along_z_is_the_sine_of_theta():
    theta = np.linspace(0, np.pi, 19)
    e_theta, e_phi = far_field(one(electric=(0, 0, 1e-3)), theta, 0.7)
    np.testing.assert_allclose(e_theta, 1j * ETA_0 * WAVENUMBER / (4 * np.pi) * 1e-3 * np.sin(theta), atol=1e-15)
    np.testing.assert_allclose(e_phi, 0, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_limit_of_the_field_far_away(seed):
    elements, distance = random_elements(seed), 1e4
    rng = np.random.default_rng(seed)
    theta, phi = rng.uniform(0.1, 3.0, (5, 2)), rng.uniform(0, 2 * np.pi, 2)
    e_theta, e_phi = far_field(elements, theta, phi)
    assert e_theta.shape == e_phi.shape == (5, 2)
    theta, phi = np.broadcast_arrays(theta, phi)
    unit = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    e_field, h_field = elements.fields(distance * unit.reshape(-1, 3))
    along_theta = np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)], axis=-1)
    along_phi = np.stack([-np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=-1)
    turned = distance * np.exp(1j * WAVENUMBER * distance)
    for found, along in ((e_theta, along_theta), (e_phi, along_phi)):
        expected = turned * (e_field.reshape(5, 2, 3) * along).sum(-1)
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(e_theta).max())
    np.testing.assert_allclose(
        np.abs(h_field).max(), np.abs(np.cross(unit.reshape(-1, 3), e_field)).max() / ETA_0, rtol=1e-3
    )


@pytest.mark.parametrize("radius", [1e-3, 30e-3, 200e-3])
@pytest.mark.parametrize("seed", range(3))
def test_the_power_through_the_sphere_is_that_of_all_pairs_of_elements(seed, radius):
    elements = random_elements(seed, count=5, radius=radius)
    assert radiated_power(elements) == pytest.approx(power_of_pairs(elements), rel=1e-9)


def test_the_power_does_not_depend_on_where_the_board_lies():
    elements = random_elements(1)
    moved = CurrentElements(elements.positions + [0.3, -0.2, 1.0], elements.electric, elements.magnetic, FREQUENCY)
    assert radiated_power(moved) == pytest.approx(radiated_power(elements), rel=1e-12)


def test_nothing_radiates_nothing():
    assert radiated_power(no_elements(FREQUENCY)) == 0
    e_theta, e_phi = far_field(no_elements(FREQUENCY), [0.1, 0.2], 0.0)
    assert not e_theta.any()
    assert not e_phi.any()


def test_many_elements_are_added_up_some_at_a_time():
    elements, points = random_elements(3, count=700), np.array([[0.0, 0.0, 0.02], [0.03, -0.01, 0.05]])
    halves = [
        CurrentElements(elements.positions[of], elements.electric[of], elements.magnetic[of], FREQUENCY)
        for of in (slice(350), slice(350, None))
    ]
    assert [len(part) for part in elements.parts()] == [256, 256, 188]
    for field in (lambda some: some.fields(points)[0], lambda some: far_field(some, 0.4, [0.0, 2.0])[1]):
        np.testing.assert_allclose(field(elements), sum(field(half) for half in halves), rtol=1e-10)
