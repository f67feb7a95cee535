"""The square root whose bits do not depend on the processor."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ttt.engine.square_root import square_root


@given(st.floats(min_value=0, max_value=1e30, allow_subnormal=False))
def test_it_is_the_root_within_two_units_in_the_last_place(value):
    found = square_root(torch.tensor([value], dtype=torch.float64)).numpy()
    np.testing.assert_array_max_ulp(found, np.sqrt(np.array([value])), maxulp=2)


def test_its_gradient_is_that_of_the_root():
    values = torch.tensor([0.25, 4.0, 1e6], dtype=torch.float64, requires_grad=True)
    square_root(values).sum().backward()
    np.testing.assert_allclose(values.grad.numpy(), 0.5 / np.sqrt(values.detach().numpy()), rtol=1e-14)


def test_of_zero_it_is_zero_and_of_a_negative_number_none():
    assert square_root(torch.zeros(1)).item() == 0
    assert square_root(-torch.ones(1)).isnan().item()
