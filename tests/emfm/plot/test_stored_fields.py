"""Fields as text: how exactly they come back."""

from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emfm.plot.stored_fields import NOT_A_NUMBER, stored


def read_back(field, shape):
    """As the page's script does it."""
    integers = np.frombuffer(b64decode(field.integers), "<i2").reshape(shape)
    steps = np.repeat(field.steps, 2).reshape(-1, 1, 1)
    return np.where(integers == NOT_A_NUMBER, np.nan, integers * steps)


def field(scale=1.0, shape=(3, 4)):
    return (scale * np.random.default_rng(0).standard_normal((12, *shape))).astype(np.float32)


@given(st.floats(-30, 30))
def test_values_come_back_to_half_a_step_at_any_strength(power):
    original = field(10.0**power)
    kept = stored(original)
    largest = np.abs(original.reshape(6, 2, 3, 4).astype(float)).max(axis=(1, 2, 3))
    np.testing.assert_allclose(kept.steps, largest / 32767, rtol=1e-12)
    off = np.abs(read_back(kept, original.shape) - original).reshape(6, 2, 3, 4).max(axis=(1, 2, 3))
    assert (off <= 0.5001 * np.array(kept.steps)).all()


def test_a_weak_component_keeps_its_digits_beside_a_strong_one():
    original = field()
    original[:2] *= 1e6
    np.testing.assert_allclose(read_back(stored(original), original.shape)[2:], original[2:], atol=1e-4)


def test_a_component_that_is_zero_stays_zero():
    original = field()
    original[4:6] = 0
    kept = stored(original)
    assert kept.steps[2] == 0
    assert (read_back(kept, original.shape)[4:6] == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_none_and_spoils_no_other(value):
    original = field()
    original[3, 1, 2] = value
    back = read_back(stored(original), original.shape)
    assert np.argwhere(np.isnan(back)).tolist() == [[3, 1, 2]]
    np.testing.assert_allclose(np.delete(back, 3, axis=0), np.delete(original, 3, axis=0), atol=1e-4)


def test_an_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"must have the shape \(12, ny, nx\), found \(6, 3, 4\)"):
        stored(field()[:6])
