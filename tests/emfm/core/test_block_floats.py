"""Fields in two bytes a value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emfm.acquire.simulate import SimulatedSource
from emfm.core.block_floats import EXPONENT, MANTISSA, decode, encode, rounding
from emfm.core.channels import E_CHANNELS, H_CHANNELS
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params

FINITE = arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
GEOMETRY = Geometry(5e9, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3), Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3))


@given(FINITE)
def test_a_value_is_rounded_by_at_most_two_to_the_minus_15_of_the_largest_in_its_row(values):
    mantissas, exponents = encode(values)
    assert (mantissas.dtype, exponents.dtype) == (MANTISSA, EXPONENT)
    assert exponents.shape == values.shape[:-1]
    difference = np.abs(decode(mantissas, exponents).astype(np.float64) - values)
    smallest_step = 2.0**-128
    largest = np.abs(values.astype(np.float64)).max(axis=-1, keepdims=True)
    assert (difference <= np.maximum(2.0**-15 * largest, smallest_step)).all()


@given(FINITE)
def test_what_was_decoded_is_encoded_to_the_same_bytes(values):
    first = encode(values)
    again = encode(decode(*first))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


@given(FINITE, st.integers(-3, 3))
def test_decoding_is_what_numpy_alone_computes_from_the_definition(values, power):
    mantissas, exponents = encode(values)
    exponents = np.clip(exponents.astype(int) + power, -128, 100).astype(EXPONENT)
    expected = np.ldexp(mantissas.astype(np.float64), exponents.astype(int)[..., None])
    np.testing.assert_array_equal(decode(mantissas, exponents), expected.astype(np.float32))


@pytest.mark.parametrize("top", [1.0, 2.0 - 2.0**-23, 2.0 - 2.0**-16, 2.0 - 2.0**-14, 3.0e38, 1e-38, 1e-45, 0.0])
def test_no_mantissa_overflows_at_the_edges_of_a_power_of_two(top):
    values = np.array([[top, -top, top / 3]], np.float32)
    mantissas, exponents = encode(values)
    assert np.sign(mantissas[0, :2]).tolist() in ([1, -1], [0, 0])
    np.testing.assert_allclose(decode(mantissas, exponents), values, rtol=0, atol=max(2.0**-15 * top, 2.0**-128))


@given(FINITE, st.integers(0, 2**32 - 1))
def test_equal_fields_differ_by_no_more_than_the_stated_rounding(values, seed):
    values = np.clip(values, -1e30, 1e30)
    noise = np.random.default_rng(seed).uniform(-1, 1, values.shape)
    other = (values * (1 + 1e-7 * noise)).astype(np.float32)
    one, two = decode(*encode(values)).astype(np.float64), decode(*encode(other)).astype(np.float64)
    size = max(np.linalg.norm(one), np.linalg.norm(two))
    assert np.linalg.norm(one - two) <= max((rounding(values.shape[-1]) + 1e-6) * size, 1e-36)


@pytest.mark.parametrize("kind", ["elements", "aperture"])
def test_simulated_targets_are_kept_to_a_ten_thousandth(kind):
    """A hundred times below the error of the best model, on the real planes."""
    source = SimulatedSource(GEOMETRY, scene_params(num_samples=8, kind=kind), 0)
    for row in range(8):
        target = source.sample(row).target
        difference = decode(*encode(target)).astype(np.float64) - target
        for part in (E_CHANNELS, H_CHANNELS):
            assert np.linalg.norm(difference[part]) < 1e-4 * np.linalg.norm(target[part])
