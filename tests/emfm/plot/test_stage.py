"""The fields of the fixed samples: from the evaluation that writes them to the page that shows them."""

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.sample_lists import whole_store
from emfm.evaluate.eval_val_fixed import pictured
from emfm.results.pictured import MOST_PICTURES, PicturedFields, read_pictured, write_pictured
from emfm.workflow.paths import PICTURED
from small_store import GEOMETRY, SingleElements, packed


def constant(value):
    return lambda source_h: np.full((len(source_h), 12, *GEOMETRY.target.shape), value)


@pytest.fixture
def samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return whole_store(packed(SingleElements(list("abcd")), tmp_path / "store"))


def test_the_fixed_samples_come_with_the_fields_of_every_stage_and_baseline(samples):
    predictors = {"stage1": constant(1.0), "mean_field": constant(2.0)}
    write_pictured(PICTURED, pictured(samples, predictors, 3), [])
    fields = read_pictured(PICTURED, ["mean_field", "stage1"], 2)
    assert fields.ids == ["field_s0", "field_s2"]
    assert fields.titles == ["Sample s0", "Sample s2"]
    np.testing.assert_array_equal(fields.truth, samples.store.target([0, 2]))
    np.testing.assert_array_equal(fields.source_h, samples.store.source_h([0, 2]))
    assert {name: np.unique(field).tolist() for name, field in fields.predictions.items()} == {
        "mean_field": [2.0],
        "stage1": [1.0],
    }


def test_fields_of_fewer_predictors_are_refused_with_the_remedy(samples):
    write_pictured(PICTURED, pictured(samples, {"stage1": constant(1.0)}, 1), [])
    with pytest.raises(DataError, match=r"data/pictured\.npz: holds no fields of mean_field; run `dvc repro eval_val_"):
        read_pictured(PICTURED, ["stage1", "mean_field"], 1)


@pytest.mark.parametrize(("count", "drawn"), [(1, "a"), (2, "ac"), (3, "acb"), (4, "acbd"), (9, "acbd")])
def test_so_many_fixed_samples_as_are_asked_for_are_drawn_and_always_the_cases(samples, count, drawn):
    fixed = pictured(samples, {"stage1": constant(1.0)}, MOST_PICTURES)
    scan, truth = fixed.source_h[3:], fixed.truth[3:]
    case = PicturedFields(["nec_worst"], ["nec, worst: ring"], scan, truth, {"stage1": 2 * truth})
    write_pictured(PICTURED, fixed, [case])
    fields = read_pictured(PICTURED, ["stage1"], count)
    names = {"a": "s0", "b": "s1", "c": "s2", "d": "s3"}
    assert fields.ids == [*(f"field_{names[letter]}" for letter in drawn), "nec_worst"]
    np.testing.assert_array_equal(fields.predictions["stage1"][-1], 2 * fields.truth[-1])
    assert len(fields.titles) == len(fields.truth) == len(drawn) + 1
