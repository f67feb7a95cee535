"""The channel layout."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emfm.core.channels import (
    E_CHANNELS,
    H_CHANNELS,
    SOURCE_CHANNELS,
    TARGET_CHANNELS,
    to_channels,
    to_components,
)


def test_the_order_is_the_contracts():
    assert SOURCE_CHANNELS == ("Hx_re", "Hx_im", "Hy_re", "Hy_im")
    assert " ".join(TARGET_CHANNELS) == ("Ex_re Ex_im Ey_re Ey_im Ez_re Ez_im Hx_re Hx_im Hy_re Hy_im Hz_re Hz_im")
    assert {name[0] for name in TARGET_CHANNELS[E_CHANNELS]} == {"E"}
    assert {name[0] for name in TARGET_CHANNELS[H_CHANNELS]} == {"H"}


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.booleans())
def test_channels_and_components_are_inverse(seed, count, batched):
    rng = np.random.default_rng(seed)
    shape = (2, count, 3, 4) if batched else (count, 3, 4)
    field = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    channels = to_channels(field)
    assert np.array_equal(channels[..., 0, :, :], field[..., 0, :, :].real)
    assert np.array_equal(channels[..., 1, :, :], field[..., 0, :, :].imag)
    assert np.array_equal(to_components(channels), field)
