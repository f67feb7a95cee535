"""Splitting by whole scene families."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.core.errors import DataError
from emfm.group_split.split import SplitSizes, check_disjoint, choose_families, split_by_family


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


IN_EVERY_SET = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=3, max_size=8).filter(
    lambda families: {place for _, place in families} >= {0, 1, 2}
)
"""Families as (members, place): in train_pool, val_fixed, test_final or none of them."""


@given(IN_EVERY_SET, st.integers(0, 100))
@settings(max_examples=150, deadline=None)
def test_all_three_sizes_are_exact_wherever_some_choice_of_families_has_them(placed, seed):
    sizes = [size for size, _ in placed]
    wanted = tuple(sum(size for size, place in placed if place == name) for name in range(3))
    split = split_by_family(families_of(sizes), SplitSizes(*wanted), seed, sum(sizes))
    assert tuple(len(positions) for _, positions in split.sets()) == wanted
    check_disjoint(split, families_of(sizes))


@given(
    FAMILY_SIZES, st.lists(st.integers(0, 150), max_size=40), st.integers(0, 100), st.sampled_from([None, 15, 10**6])
)
@settings(max_examples=80, deadline=None)
def test_samples_added_to_any_family_change_neither_the_held_out_sets_nor_the_beginning_of_train_pool(
    sizes, added, seed, train_pool
):
    before = families_of(sizes)
    after = np.append(before, np.array([f"f{number}" for number in added], object))
    wanted = SplitSizes(train_pool, 5, 10)
    small = split_by_family(before, wanted, seed, len(before))
    large = split_by_family(after, wanted, seed, len(before))
    check_disjoint(large, after)
    np.testing.assert_array_equal(small.val_fixed, large.val_fixed)
    np.testing.assert_array_equal(small.test_final, large.test_final)
    np.testing.assert_array_equal(small.train_pool, large.train_pool[: len(small.train_pool)])
    held_out = members(small, before, "val_fixed") | members(small, before, "test_final")
    left_out = set(range(len(after))) - {int(n) for _, positions in large.sets() for n in positions}
    assert {n for n in range(len(before), len(after)) if after[n] in held_out} <= left_out


def test_train_pool_takes_later_samples_last_and_only_where_the_base_has_too_few():
    families = families_of([1, 2, 3, 4] * 50)
    split = split_by_family(families, SplitSizes(400, 10, 20), 0, 300)
    is_late = split.train_pool >= 300
    assert len(split.train_pool) == 400
    assert list(is_late) == sorted(is_late)
    assert np.count_nonzero(~is_late) == 270
    assert not (split_by_family(families, SplitSizes(200, 10, 20), 0, 300).train_pool >= 300).any()


@pytest.mark.parametrize(
    ("count", "train_pool", "first", "noted"),
    [(40, 26, None, False), (39, 26, None, True), (40, None, None, True), (40, None, 40, False), (40, None, 41, True)],
)
def test_a_note_says_when_samples_added_later_would_move_the_held_out_sets(count, train_pool, first, noted):
    split = split_by_family(families_of([1] * count), SplitSizes(train_pool, 6, 8), 3, first)
    assert any("split.draw_from_first: " in note for note in split.summary["notes"]) == noted


def test_families_too_large_for_a_set_are_named_where_it_would_be_empty():
    with pytest.raises(
        DataError, match=r"val_fixed would be empty: .* families of 100 to 100 too large.*change the sizes"
    ):
        split_by_family(families_of([100] * 5), SplitSizes(None, 5, 100), 0, None)


def test_of_two_equally_near_sizes_none_is_empty():
    assert len(split_by_family(families_of([4] * 50), SplitSizes(None, 2, 8), 0, None).val_fixed) == 4
