"""Groups of samples: each sample in one group, by the numbers that the store has."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emfm.core.sample_lists import SampleList, whole_store
from emfm.evaluate.groups import group_by, sample_groups
from small_store import SingleElements, packed

NAN = float("nan")


@given(
    st.lists(
        st.one_of(st.integers(0, 12).map(float), st.floats(-1e3, 1e3), st.just(NAN)), min_size=1, max_size=60
    ).filter(lambda values: not np.isnan(values).all())
)
def test_groups_hold_each_sample_once_in_ascending_order(values):
    values = np.array(values)
    groups = group_by(values)
    places = np.concatenate([group.places for group in groups])
    assert sorted(places.tolist()) == list(range(len(values)))
    known = [group for group in groups if group.low is not None]
    for group in known:
        assert (values[group.places].min(), values[group.places].max()) == (group.low, group.high)
    assert all(a.high < b.low for a, b in pairwise(known))
    unknown = [group for group in groups if group.low is None]
    assert [group.places.tolist() for group in unknown] == [np.flatnonzero(np.isnan(values)).tolist()][: len(unknown)]
    assert len(unknown) == np.isnan(values).any()


def test_a_continuous_number_is_cut_at_its_quartiles():
    values = np.random.default_rng(0).permutation(np.linspace(0, 1, 100))
    assert [len(group.places) for group in group_by(values)] == [25, 25, 25, 25]


def test_few_whole_numbers_are_a_group_each_and_many_are_cut_at_their_quartiles():
    assert [(g.low, g.high, len(g.places)) for g in group_by(np.array([1.0, 4, 1, 2, 4, 4]))] == [
        (1, 1, 2),
        (2, 2, 1),
        (4, 4, 3),
    ]
    assert [(g.low, g.high) for g in group_by(np.arange(1.0, 13))] == [(1, 3), (4, 6), (7, 9), (10, 12)]


@pytest.fixture
def listed(tmp_path):
    """Rows 4, 0, 2, 5 of six samples in the families a a a b c c, one to two elements each."""
    parameters = (
        (2.0, -0.5e-3, -0.2e-3),
        (1.0, -0.3e-3, NAN),
        (1.0, -1.0e-3, NAN),
        (1.0, -0.4e-3, NAN),
        (2.0, -0.6e-3, -0.8e-3),
        (NAN, NAN, NAN),
    )
    names = ("elements", "element1_z", "element2_z")
    store = packed(SingleElements(list("aaabcc"), names, parameters), tmp_path / "store")
    every = whole_store(store)
    rows = np.array([4, 0, 2, 5])
    return SampleList(store, tuple(every.ids[row] for row in rows), rows)


def test_families_are_counted_in_the_whole_store(listed):
    groups = sample_groups(listed)["family_size"]
    assert [(group.low, group.places.tolist()) for group in groups] == [(2, [0, 3]), (3, [1, 2])]


def test_depth_is_from_the_source_plane_to_the_highest_source(listed):
    groups = sample_groups(listed)["depth"]
    bounds = [(group.low, group.places.tolist()) for group in groups]
    assert [places for _, places in bounds] == [[1], [0], [2], [3]]
    assert [low for low, _ in bounds] == [pytest.approx(1.2e-3), pytest.approx(1.6e-3), pytest.approx(2e-3), None]


def test_samples_of_unknown_number_of_elements_are_a_group_of_their_own(listed):
    groups = sample_groups(listed)["elements"]
    assert [(group.low, group.places.tolist()) for group in groups] == [(1, [2]), (2, [0, 1]), (None, [3])]


def test_a_store_without_parameters_is_grouped_by_family_alone(tmp_path):
    store = packed(SingleElements(list("abb")), tmp_path / "store")
    groups = sample_groups(whole_store(store))
    assert list(groups) == ["family_size"]
    assert [group.places.tolist() for group in groups["family_size"]] == [[0], [1, 2]]
