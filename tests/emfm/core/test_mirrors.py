"""What mirrors make of vectors."""

import numpy as np
import pytest

from emfm.core.mirrors import axial_signs, component_signs, polar_signs

MIRRORS = [(x, y) for x in (False, True) for y in (False, True)]


@pytest.mark.parametrize("mirrors", MIRRORS)
def test_the_cross_product_of_two_polar_vectors_is_an_axial_one(mirrors):
    one, other = np.random.default_rng(0).standard_normal((2, 3))
    polar, axial = np.array(polar_signs(*mirrors)), np.array(axial_signs(*mirrors))
    np.testing.assert_allclose(np.cross(polar * one, polar * other), axial * np.cross(one, other))


def test_a_mirror_in_x_turns_ex_and_the_h_along_it():
    turned = {name for name, sign in component_signs(mirror_x=True, mirror_y=False).items() if sign < 0}
    assert turned == {"Ex", "Hy", "Hz"}
