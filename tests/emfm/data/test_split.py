"""Splitting by whole scene families."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.data.sample import DataError
from emfm.data.split import SplitSizes, check_disjoint, choose_families, split_by_family


def families_of(sizes):
    return np.repeat([f"f{number}" for number in range(len(sizes))], sizes).astype(object)


def members(split, families, name):
    return set(families[getattr(split, name)])


FAMILY_SIZES = st.lists(st.integers(1, 4), min_size=30, max_size=120)


@given(FAMILY_SIZES, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_sets_are_disjoint_by_sample_and_by_family_and_keep_families_whole(sizes, seed):
    families = families_of(sizes)
    split = split_by_family(families, SplitSizes(None, 5, 10), seed, None)
    check_disjoint(split, families)
    together = np.concatenate([positions for _, positions in split.sets()])
    assert sorted(together) == list(range(len(families)))
    sets = [members(split, families, name) for name, _ in split.sets()]
    assert sum(len(names) for names in sets) == len(set.union(*sets)) == len(sizes)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_the_chosen_families_come_as_near_to_the_size_as_any_choice_can(counts, wanted):
    sums = {0}
    for count in counts:
        sums |= {total + count for total in sums}
    chosen = choose_families(np.array(counts), wanted)
    got = sum(counts[index] for index in chosen)
    assert len(set(chosen)) == len(chosen)
    assert abs(got - wanted) == min(abs(total - wanted) for total in sums)


def test_sizes_are_exact_where_families_allow_it():
    rng = np.random.default_rng(0)
    families = families_of(rng.integers(1, 5, 2200))
    split = split_by_family(families, SplitSizes(4900, 100, 200), 1, None)
    assert [len(positions) for _, positions in split.sets()] == [4900, 100, 200]
    assert not [note for note in split.summary["notes"] if "nearest" in note]


def test_a_size_that_whole_families_do_not_allow_is_said_to_be_the_nearest():
    split = split_by_family(families_of([4] * 50), SplitSizes(None, 6, 8), 0, None)
    assert len(split.val_fixed) == 4
    assert "val_fixed has 4 samples, the nearest to 6 that whole families allow" in split.summary["notes"]


@given(FAMILY_SIZES, st.lists(st.integers(1, 4), max_size=30), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_samples_added_later_move_neither_val_fixed_nor_test_final(sizes, added, seed):
    before = families_of(sizes)
    after = np.concatenate([before, np.array([f"new{n}" for n, size in enumerate(added) for _ in range(size)], object)])
    wanted = SplitSizes(None, 5, 10)
    small = split_by_family(before, wanted, seed, len(before))
    large = split_by_family(after, wanted, seed, len(before))
    for name in ("val_fixed", "test_final"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))
    np.testing.assert_array_equal(small.train_pool, large.train_pool[: len(small.train_pool)])


def test_by_default_the_draw_is_from_as_many_samples_as_the_sizes_ask_for():
    rng = np.random.default_rng(0)
    families = families_of(rng.integers(1, 5, 400))
    wanted = SplitSizes(500, 20, 40)
    small = split_by_family(families[:600], wanted, 0, None)
    large = split_by_family(families, wanted, 0, None)
    for name in ("val_fixed", "test_final"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))


def test_a_late_member_of_a_held_out_family_is_in_no_set():
    families = families_of([2] * 40)
    first = split_by_family(families, SplitSizes(None, 6, 8), 3, len(families))
    late_family = families[first.val_fixed[0]]
    grown = np.append(families, late_family)
    second = split_by_family(grown, SplitSizes(None, 6, 8), 3, len(families))
    np.testing.assert_array_equal(first.val_fixed, second.val_fixed)
    assert len(families) not in second.train_pool
    assert "1 samples came later to families of val_fixed or test_final" in second.summary["notes"][-1]


def test_drawing_from_everything_says_how_to_keep_the_sets_when_samples_are_added():
    split = split_by_family(families_of([1] * 40), SplitSizes(None, 6, 8), 3, None)
    assert "set split.draw_from_first: 40" in split.summary["notes"][0]


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_samples():
    families = families_of([1, 2, 3, 4] * 30)
    order = np.random.default_rng(0).permutation(len(families))
    wanted = SplitSizes(None, 20, 30)
    assert members(split_by_family(families, wanted, 0, None), families, "val_fixed") == members(
        split_by_family(families[order], wanted, 0, None), families[order], "val_fixed"
    )
    assert members(split_by_family(families, wanted, 0, None), families, "val_fixed") != members(
        split_by_family(families, wanted, 1, None), families, "val_fixed"
    )


def test_the_first_samples_of_train_pool_are_not_the_first_of_the_store():
    families = families_of([2] * 500)
    split = split_by_family(families, SplitSizes(None, 20, 30), 0, None)
    assert 350 < split.train_pool[:100].mean() < 650


def test_an_empty_set_is_refused():
    with pytest.raises(DataError, match="would be empty: 3 samples are too few"):
        split_by_family(families_of([3]), SplitSizes(None, 1, 1), 0, None)


def test_a_leak_is_found():
    families = families_of([2] * 40)
    split = split_by_family(families, SplitSizes(None, 6, 8), 0, None)
    leaking = type(split)(np.append(split.train_pool, split.val_fixed[0]), split.val_fixed, split.test_final)
    with pytest.raises(DataError, match="val_fixed and train_pool share samples or families"):
        check_disjoint(leaking, families)
