"""Finding repeated samples."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.acquire.pack import pack
from emfm.acquire.simulate import SimulatedSource, plan_row
from emfm.core.channels import to_channels, to_components
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.core.store import Store
from emfm.dedupe.repeats import contents_equal, field_signatures, find_repeats, signatures_of
from scene_params import scene_params
from small_store import SingleElements, packed

GEOMETRY = Geometry(5e9, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3), Grid(-10e-3, -10e-3, 5e-3, 5e-3, 5, 5, 5e-3))
RULES = ["id", "parameters", "content"]
RTOL = 1e-6


class Fields:
    """Samples in memory, compared as `contents_equal` compares those of a store."""

    target_rounding = 0.0

    def __init__(self, source_h, target):
        self._source_h, self._target = source_h, target

    def source_h(self, rows):
        return self._source_h[rows]

    def target(self, rows):
        return self._target[rows]


def signatures(source_h, target):
    """The signatures of samples in memory."""
    return signatures_of(source_h, np.sqrt((target**2).sum((1, 2, 3))))


def repeats(*arguments, **options):
    """What is dropped, see `found_among`."""
    return found_among(*arguments, **options).dropped


def found_among(ids, contents, parameters=None, rules=RULES, rtol=RTOL):
    """What is found among samples whose fields are drawn from the seeds ``contents``, plus a small part of others."""
    source_h, target = (
        np.stack([drawn(int(seed), shape, 0) + seed % 1 * drawn(int(seed), shape, 1) for seed in contents])
        for shape in ((4, 3, 3), (12, 5, 5))
    )
    table = pd.DataFrame({"id": ids, "family": ids})
    values = np.zeros((len(ids), 0)) if parameters is None else np.array(parameters, float)
    same = partial(contents_equal, Fields(source_h, target), rtol=rtol)
    return find_repeats(table, values, signatures(source_h, target), rules, rtol, same)


def drawn(seed, shape, number):
    """Random fields whose squares sum to 1 in each half of the channels."""
    fields = np.random.default_rng([seed, number]).normal(size=(2, shape[0] // 2, *shape[1:]))
    return (fields / np.sqrt((fields**2).sum((1, 2, 3), keepdims=True))).reshape(shape)


@pytest.mark.parametrize(
    "mix",
    [{"elements": 1.0}, {"traces": 1.0}, {"loops": 1.0}, {"patches": 1.0}, {"elements": 1.0, "traces": 1.0}],
    ids=lambda mix: "+".join(mix),
)
def test_every_planted_repeat_is_found_by_its_own_rule_and_nothing_else(tmp_path, mix):
    params = scene_params(num_samples=400, duplicate_share=0.02, mix=mix)
    pack(SimulatedSource(GEOMETRY, params, 5), GEOMETRY, "test", tmp_path / "store", tmp_path / "work", 128, 1)
    store = Store(tmp_path / "store")
    found = find_repeats(
        store.table,
        store.parameters,
        field_signatures(store),
        RULES,
        RTOL,
        partial(contents_equal, store, rtol=RTOL),
    ).dropped
    plans = {row: plan_row(row, 5, params) for row in range(400)}
    planted = {row: (plan.row, plan.repeat) for row, plan in plans.items() if plan.repeat}
    assert {
        row: (to, rule) for row, to, rule in found[["row", "repeats_row", "rule"]].itertuples(index=False)
    } == planted
    assert found["same_content"].all()


def test_a_row_says_which_sample_it_repeats_and_by_which_rule():
    found = repeats(["a", "b", "a", "c"], [1, 2, 1, 2])
    assert found.to_dict("records") == [
        {"row": 2, "id": "a", "repeats_row": 0, "repeats_id": "a", "rule": "id", "same_content": True},
        {"row": 3, "id": "c", "repeats_row": 1, "repeats_id": "b", "rule": "content", "same_content": True},
    ]


def test_the_same_id_with_different_content_is_an_error_that_names_both():
    with pytest.raises(DataError, match="rows 0 and 2 of the store have the same ID 'a' but different fields"):
        repeats(["a", "b", "a"], [1, 2, 3])


def test_the_same_parameters_are_a_repeat_only_where_the_fields_agree_and_the_others_are_named():
    nan = float("nan")
    given = [[1, nan], [2, nan], [1, nan], [-0.0, 1], [1, nan], [1, nan]]
    found = found_among(["a", "b", "c", "d", "e", "f"], [1, 2, 3, 4, 1, 3], given)
    assert found.dropped[["row", "repeats_row", "rule", "same_content"]].to_numpy().tolist() == [
        [4, 0, "parameters", True],
        [5, 2, "parameters", True],
    ]
    assert found.alike.to_numpy().tolist() == [["c", "a"]]


def test_parameters_are_looked_at_only_under_their_rule():
    assert len(found_among(["a", "b"], [1, 2], [[1], [1]], rules=["id", "content"]).alike) == 0


def test_samples_without_parameters_do_not_repeat_each_other():
    nan = float("nan")
    assert len(repeats(["a", "b"], [1, 2], [[nan, nan], [nan, nan]])) == 0
    assert len(repeats(["a", "b"], [1, 2])) == 0


def test_a_rule_that_is_not_named_does_not_apply():
    assert len(repeats(["a", "b"], [1, 1], rules=["id", "parameters"])) == 0
    assert list(repeats(["a", "b"], [1, 1], [[5], [5]], rules=["content"])["rule"]) == ["content"]


@pytest.mark.parametrize(("change", "same"), [(5e-6, True), (2e-3, False)])
def test_stored_targets_are_the_same_where_the_store_cannot_tell_them_apart(tmp_path, change, same):
    @dataclass(frozen=True)
    class Twins(SingleElements):
        def sample(self, row):
            sample = super().sample(0)
            noise = 1 + change * row * np.random.default_rng(1).normal(size=sample.target.shape)
            return replace(sample, id=f"s{row}", target=(sample.target * noise).astype(np.float32))

    store = packed(Twins(["a", "b"]), tmp_path / "store")
    assert (store.target([0]) != store.target([1])).any()
    assert contents_equal(store, np.array([1]), np.array([0]), RTOL).tolist() == [same]


@pytest.mark.parametrize(("change", "count"), [(1e-8, 1), (1e-3, 0)])
def test_content_is_compared_within_the_tolerance(change, count):
    assert len(repeats(["a", "b"], [7, 7 + change])) == count


def test_a_chain_of_repeats_names_the_first_of_all():
    found = repeats(["a", "b", "c", "d"], [1, 1, 1, 1])
    assert list(found["repeats_id"]) == ["a", "a", "a"]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_exactly_the_first_of_each_content_is_kept(contents):
    found = repeats([f"s{n}" for n in range(len(contents))], contents)
    kept = sorted(set(range(len(contents))) - set(found["row"]))
    assert kept == sorted({contents.index(content) for content in contents})


def test_samples_of_equal_ratio_are_told_apart_without_comparing_all_pairs():
    rng = np.random.default_rng(0)
    count = 3000
    prints = np.column_stack([np.ones(count), np.ones(count), rng.normal(size=(count, 2))])
    compared = []

    def same(rows, others):
        compared.append(len(rows))
        return np.zeros(len(rows), bool)

    table = pd.DataFrame({"id": [str(n) for n in range(count)], "family": "f"})
    assert len(find_repeats(table, np.zeros((count, 0)), prints, RULES, RTOL, same).dropped) == 0
    assert sum(compared) < 100


def test_a_sample_that_is_zero_everywhere_repeats_only_its_like():
    fields = Fields(np.zeros((3, 4, 3, 3)), np.zeros((3, 12, 5, 5)))
    fields._target[2] = 1.0
    prints = signatures(fields._source_h, fields._target)
    table = pd.DataFrame({"id": ["a", "b", "c"], "family": "f"})
    found = find_repeats(table, np.zeros((3, 0)), prints, RULES, RTOL, partial(contents_equal, fields, rtol=RTOL))
    assert list(found.dropped["id"]) == ["b"]


def test_a_repeat_of_a_dropped_sample_names_the_one_that_is_kept():
    found = repeats(["a", "b", "b"], [1, 1, 1], [[5], [5], [6]])
    assert found[["id", "repeats_id", "rule", "same_content"]].to_numpy().tolist() == [
        ["b", "a", "parameters", True],
        ["b", "a", "id", True],
    ]


def test_the_same_id_with_different_content_is_an_error_whichever_rules_apply():
    with pytest.raises(DataError, match="rows 0 and 1 of the store have the same ID 'a' but different fields"):
        repeats(["a", "a"], [1, 2], rules=["content"])


def test_an_id_that_would_be_kept_twice_is_refused():
    with pytest.raises(DataError, match=r"rows 0 and 1 .* both be kept under the ID 'a'; add id to dedupe.rules"):
        repeats(["a", "a"], [1, 1], [[5], [6]], rules=["parameters"])


NEAR = st.tuples(st.integers(1, 3), st.sampled_from([0, 4e-7, 8e-7, 1.2e-6, 1.6e-6, 1e-3])).map(sum)


@given(st.lists(NEAR, min_size=1, max_size=25), st.data())
@settings(max_examples=60, deadline=None)
def test_a_sample_is_dropped_where_any_earlier_one_has_its_fields_and_later_ones_change_nothing(contents, data):
    ids = [f"s{n}" for n in range(len(contents))]
    found = repeats(ids, contents)
    parts = np.array([seed % 1 for seed in contents])
    seeds = np.array(contents).astype(int)
    same = (np.abs(np.subtract.outer(parts, parts)) <= RTOL) & (seeds[:, None] == seeds)
    assert list(found["row"]) == [row for row in range(len(ids)) if same[row, :row].any()]
    assert not set(found["repeats_row"]) & set(found["row"])
    some = data.draw(st.integers(1, len(ids)))
    pd.testing.assert_frame_equal(
        repeats(ids[:some], contents[:some]), found[found["row"] < some].reset_index(drop=True), check_dtype=False
    )


def with_noise(fields, share, rng):
    """The fields plus noise of ``share`` of their norm, sample by sample."""
    noise = rng.normal(size=fields.shape)
    ratio = np.sqrt((fields**2).sum((1, 2, 3), keepdims=True) / (noise**2).sum((1, 2, 3), keepdims=True))
    return fields + share * ratio * noise


@pytest.mark.parametrize(("share", "found"), [(0.99, 30), (1.01, 0)])
@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_noise_within_the_tolerance_is_no_difference_at_any_field_strength(size, share, found):
    rng = np.random.default_rng(3)
    source_h, e_field, h_field = (size * rng.normal(size=(30, count, 5, 5)) for count in (4, 6, 6))
    source_h, e_field, h_field = (
        np.concatenate([fields, with_noise(fields, share * RTOL, rng)]) for fields in (source_h, e_field, h_field)
    )
    target = np.concatenate([e_field, h_field / 377], axis=1)
    prints = signatures(source_h, target)
    table = pd.DataFrame({"id": [str(n) for n in range(60)], "family": "f"})
    same = partial(contents_equal, Fields(source_h, target), rtol=RTOL)
    drops = find_repeats(table, np.zeros((60, 0)), prints, RULES, RTOL, same).dropped
    assert list(drops["repeats_row"]) == list(range(found))


@pytest.mark.parametrize("prints", [np.zeros((20_000, 4)), np.full((20_000, 4), 0.3)], ids=["zero", "copies"])
def test_many_copies_of_one_sample_are_each_compared_with_the_first_alone(prints):
    compared = []

    def same(rows, others):
        compared.append(len(rows))
        return np.ones(len(rows), bool)

    table = pd.DataFrame({"id": [str(n) for n in range(len(prints))], "family": "f"})
    found = find_repeats(table, np.zeros((len(prints), 0)), prints, RULES, RTOL, same).dropped
    assert set(found["repeats_row"]) == {0}
    assert sum(compared) < 2 * len(prints)


def twin(source_h, target, factor):
    """The same solve at another drive level or phase."""
    return tuple(to_channels(factor * to_components(fields)).astype(np.float32) for fields in (source_h, target))


FACTORS = [2, -1, 1j, np.exp(0.7j), 0.1 * np.exp(2j), 1e6, 1e-6j]


@pytest.mark.parametrize("identifier", ["b", "a"])
@pytest.mark.parametrize("factor", FACTORS)
def test_the_same_fields_times_a_complex_number_are_a_repeat(tmp_path, factor, identifier):
    """Rounded to float32, and the targets as the store rounds them."""

    @dataclass(frozen=True)
    class Twins(SingleElements):
        def sample(self, row):
            sample = super().sample(row % 2)
            source_h, target = twin(sample.source_h, sample.target, factor if row == 2 else 1)
            return replace(sample, id=["a", "other", identifier][row], source_h=source_h, target=target)

    store = packed(Twins(["f", "g", "h"]), tmp_path / "store")
    same = partial(contents_equal, store, rtol=RTOL)
    found = find_repeats(store.table, store.parameters, field_signatures(store), RULES, RTOL, same)
    rule = "content" if identifier == "b" else "id"
    assert found.dropped.to_numpy().tolist() == [[2, identifier, 0, "a", rule, True]]


@pytest.mark.parametrize(("share", "count"), [(0.5, 20), (20, 0)])
def test_twins_are_found_through_noise_within_the_tolerance_alone(share, count):
    rng = np.random.default_rng(5)
    source_h, e_field, h_field = (rng.normal(size=(20, channels, 5, 5)) for channels in (4, 6, 6))
    noisy = [with_noise(fields, share * RTOL, rng) for fields in (source_h, e_field, h_field)]
    factors = rng.normal(size=20) + 1j * rng.normal(size=20)
    turned = [to_channels(factors[:, None, None, None] * to_components(fields)) for fields in noisy]
    source_h, e_field, h_field = map(np.concatenate, zip((source_h, e_field, h_field), turned, strict=True))
    target = np.concatenate([e_field, h_field / 377], axis=1)
    table = pd.DataFrame({"id": [str(n) for n in range(40)], "family": "f"})
    same = partial(contents_equal, Fields(source_h, target), rtol=RTOL)
    found = find_repeats(table, np.zeros((40, 0)), signatures(source_h, target), RULES, RTOL, same)
    assert list(found.dropped["repeats_row"]) == list(range(count))


@pytest.mark.parametrize("part", [slice(0, 6), slice(6, 12), slice(4, 6)])
def test_fields_of_which_a_part_has_another_factor_are_no_repeat(part):
    rng = np.random.default_rng(6)
    source_h, target = rng.normal(size=(2, 4, 3, 3)), rng.normal(size=(2, 12, 5, 5))
    source_h[1], target[1] = 2 * source_h[0], 2 * target[0]
    target[1, part] *= -1
    assert not contents_equal(Fields(source_h, target), np.array([1]), np.array([0]), RTOL).any()
    assert contents_equal(Fields(source_h[:, :], abs(target)), np.array([1]), np.array([0]), RTOL).all()


def test_conjugated_fields_are_no_repeat():
    rng = np.random.default_rng(7)
    source_h, target = rng.normal(size=(2, 4, 3, 3)), rng.normal(size=(2, 12, 5, 5))
    for fields in (source_h, target):
        fields[1] = to_channels(to_components(fields[0]).conj())
    assert not contents_equal(Fields(source_h, target), np.array([1]), np.array([0]), RTOL).any()


def test_many_twins_of_one_solve_are_each_compared_with_few():
    rng = np.random.default_rng(8)
    source_h, target = rng.normal(size=(1, 4, 3, 3)), rng.normal(size=(1, 12, 5, 5))
    factors = (rng.normal(size=2000) + 1j * rng.normal(size=2000))[:, None, None, None]
    source_h, target = (
        to_channels(factors * to_components(fields)).astype(np.float32) for fields in (source_h, target)
    )
    compared = []

    def same(rows, others):
        compared.append(len(rows))
        return contents_equal(Fields(source_h, target), rows, others, RTOL)

    table = pd.DataFrame({"id": [str(n) for n in range(2000)], "family": "f"})
    found = find_repeats(table, np.zeros((2000, 0)), signatures(source_h, target), RULES, RTOL, same).dropped
    assert set(found["repeats_row"]) == {0}
    assert len(found) == 1999
    assert sum(compared) < 3 * 2000
