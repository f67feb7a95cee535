"""The symmetries of the planes, against the fields of sources that stand in mirror image places."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emfm.core.elements import unit_element_fields
from emfm.core.grid import Geometry, Grid
from emfm.model.search.modes import FieldModes
from emfm.model.symmetries import Images, Symmetry, symmetries

SOURCE = Grid(-2e-3, -2e-3, 1e-3, 1e-3, 5, 5, 1e-3)
SQUARE = Geometry(5e9, SOURCE, Grid(-6e-3, -6e-3, 2e-3, 2e-3, 7, 7, 5e-3))
PLACE = np.array([0.7e-3, -1.3e-3, -0.5e-3])
ALL = symmetries(SQUARE)


def mirrored(place, moment, symmetry):
    """Where an electric element stands, and what its moment is, in the mirror image."""
    place, moment = place.copy(), moment.copy()
    for axis, turned in enumerate((symmetry.mirror_x, symmetry.mirror_y)):
        if turned:
            place[axis], moment[axis] = -place[axis], -moment[axis]
    order = [1, 0, 2] if symmetry.exchange else [0, 1, 2]
    return place[order], moment[order]


def field_of(plane, place, moment):
    """E and H of an electric element on a plane, complex ``(1, 6, ny * nx)``."""
    unit = unit_element_fields(plane.points(), place[None], SQUARE.frequency)[0, :3]
    return torch.from_numpy(np.tensordot(moment, unit, 1).T[None])


@pytest.mark.parametrize("symmetry", ALL, ids=str)
def test_the_image_of_a_field_is_the_field_of_the_image_of_its_source(symmetry):
    moment = np.array([1.0, 0.4j, -0.7])
    before, after = field_of(SQUARE.target, PLACE, moment), field_of(SQUARE.target, *mirrored(PLACE, moment, symmetry))
    torch.testing.assert_close(symmetry.of_fields(before.flatten(1), SQUARE.target), after.flatten(1))
    before, after = field_of(SOURCE, PLACE, moment), field_of(SOURCE, *mirrored(PLACE, moment, symmetry))
    seen = symmetry.of_scans(before[:, 3:5].flatten(1), SOURCE)
    torch.testing.assert_close(seen, after[:, 3:5].flatten(1))


def test_planes_have_the_symmetries_that_both_of_them_have():
    assert len(ALL) == len(set(ALL)) == 8
    assert ALL[0] == Symmetry(False, False, False)
    oblong = replace(SQUARE, target=replace(SQUARE.target, nx=9, x_first=-8e-3))
    assert len(symmetries(oblong)) == 4
    assert not any(each.exchange for each in symmetries(oblong))
    aside = replace(SQUARE, target=replace(SQUARE.target, x_first=-5e-3))
    assert symmetries(aside) == [Symmetry(False, False, False), Symmetry(False, True, False)]
    nowhere = replace(aside, target=replace(aside.target, y_first=-5e-3))
    assert symmetries(nowhere) == ALL[:1]


def test_an_image_of_coefficients_turns_back_and_holds_the_image_of_the_field():
    rng = np.random.default_rng(0)
    fields = []
    for _ in range(30):
        place, moment = rng.uniform(-2e-3, 0, 3), rng.standard_normal(3)
        fields += [field_of(SQUARE.target, *mirrored(place, moment, each)).flatten(1) for each in ALL]
    rows = torch.cat(fields)
    modes, images = FieldModes(90, SQUARE), Images(SQUARE, 90)
    modes.find([rows.numpy()])
    images.find(modes)
    assert len(images) == 16
    some = rows[:5].to(torch.complex64)
    coefficients = modes.project_rows(some)
    for place, (sign, each) in enumerate([(sign, each) for sign in (1, -1) for each in ALL]):
        image = torch.tensor([place])
        turned = images.coefficients(coefficients, image)
        expected = modes.project_rows(sign * each.of_fields(some, SQUARE.target))
        size = float(expected.abs().max())
        torch.testing.assert_close(turned, expected, rtol=0, atol=0.01 * size)
        torch.testing.assert_close(images.back(turned, image), coefficients, rtol=0, atol=0.01 * size)
