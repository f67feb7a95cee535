"""The field at points above elements: where it is given, in which shape, and where it is refused."""

import numpy as np
import pytest

from emfm.core.elements import element_fields
from emfm.core.errors import DataError
from emfm.sources.field_above import field_along, field_at, field_on_plane
from point_sources import no_elements, random_elements

ELEMENTS = random_elements(3)


def test_a_plane_is_rows_of_y_and_columns_of_x():
    x, y = np.array([1e-3, 2e-3, 4e-3]), np.array([-1e-3, 5e-3])
    E, H = field_on_plane(ELEMENTS, 3e-3, x, y)
    assert E.shape == H.shape == (3, 2, 3)
    parts = ELEMENTS.positions, ELEMENTS.electric, ELEMENTS.magnetic, ELEMENTS.frequency
    e_field, h_field = element_fields([[x[2], y[1], 3e-3]], *parts)
    np.testing.assert_allclose(E[:, 1, 2], e_field[0], rtol=1e-12)
    np.testing.assert_allclose(H[:, 1, 2], h_field[0], rtol=1e-12)


def test_a_line_has_its_ends_and_even_steps():
    start, stop = [0, 0, 1e-3], [2e-3, 1e-3, 5e-3]
    E, H = field_along(ELEMENTS, start, stop, 5)
    assert E.shape == H.shape == (3, 5)
    between = field_at(ELEMENTS, [start, [1e-3, 0.5e-3, 3e-3], stop])
    np.testing.assert_allclose(E[:, ::2], between.E, rtol=1e-12)
    np.testing.assert_allclose(H[:, ::2], between.H, rtol=1e-12)


def test_points_may_have_any_shape_and_a_single_one_will_do():
    assert field_at(ELEMENTS, np.full((2, 4, 5, 3), 2e-3)).E.shape == (3, 2, 4, 5)
    assert field_at(ELEMENTS, [0, 0, 1e-3]).H.shape == (3,)


@pytest.mark.parametrize("below", [0.0, 1e-4])
def test_points_at_or_below_the_topmost_source_are_refused_with_its_height(below):
    top = ELEMENTS.positions[:, 2].max()
    sentence = f"found z = .* mm, but the topmost source lies at z = {1e3 * top:.6g} mm"
    with pytest.raises(DataError, match=sentence):
        field_at(ELEMENTS, [[0, 0, 1e-3], [0, 0, top - below]])
    with pytest.raises(DataError, match=sentence):
        field_on_plane(ELEMENTS, top - below, [0.0], [0.0])


def test_where_nothing_is_there_is_no_field_anywhere():
    assert not field_at(no_elements(5e9), [[0, 0, -1.0]]).E.any()


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: field_at(ELEMENTS, [[1.0, 2.0]]), "points: give finite x, y, z in m"),
        (lambda: field_at(ELEMENTS, [[0, 0, np.nan]]), "points: give finite x, y, z in m"),
        (lambda: field_on_plane(ELEMENTS, 1.0, [[0.0]], [0.0]), "x: give a list of coordinates in m"),
        (lambda: field_along(ELEMENTS, [0, 0], [0, 0, 1], 3), "start and stop: give x, y, z in m"),
        (lambda: field_along(ELEMENTS, [0, 0, 1], [0, 0, 2], 0), "count: a line has 1 point or more, found 0"),
    ],
)
def test_what_is_no_place_is_refused(ask, sentence):
    with pytest.raises(DataError, match=sentence):
        ask()
