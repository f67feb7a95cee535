"""Exact sizes of several sets at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.group_split.family_sizes import rearranged


def sizes_of(counts, drawn, sets):
    return np.bincount(drawn, weights=counts, minlength=sets).astype(int)


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_sizes_that_some_arrangement_has_are_found_from_any_other(rows):
    counts, drawn, other = np.array(rows).T
    wanted = sizes_of(counts, other, 4)
    np.testing.assert_array_equal(sizes_of(counts, rearranged(counts, drawn, wanted), 4), wanted)


def test_what_is_exact_already_stays():
    drawn = np.array([1, 0, 0, 1])
    np.testing.assert_array_equal(rearranged(np.array([2, 2, 1, 1]), drawn, np.array([3, 3])), drawn)


def test_sizes_that_no_arrangement_has_are_not_found():
    assert rearranged(np.array([2, 2, 2]), np.array([0, 1, 1]), np.array([3, 3])) is None
    assert rearranged(np.array([2, 2, 2]), np.array([0, 1, 1]), np.array([-1, 7])) is None


def test_a_large_store_is_put_right_near_to_the_draw():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 5, 50_000)
    drawn = rng.choice(3, len(counts), p=[0.01, 0.09, 0.9])
    before = sizes_of(counts, drawn, 3)
    found = rearranged(counts, drawn, before + [1, -2, 1])
    np.testing.assert_array_equal(sizes_of(counts, found, 3), before + [1, -2, 1])
    for size in range(1, 5):
        numbers = [np.bincount(sets[counts == size], minlength=3) for sets in (drawn, found)]
        assert np.abs(numbers[1] - numbers[0]).max() <= 4


def test_a_search_that_would_take_too_long_is_not_begun():
    counts = np.full(400_000, 3)
    drawn = np.arange(len(counts)) % 4
    sizes = sizes_of(counts, drawn, 4)
    assert rearranged(counts, drawn, sizes + [1, -1, 0, 0]) is None
