"""The sets beside val_fixed: which are judged, case by case where they are few, and which are left out."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.measurement import Measurement
from emfm.core.sample_lists import whole_store
from emfm.evaluate.other_sets import Compared, evaluate_kind, evaluate_reference, kind_sets, reference_sets
from emfm.evaluate.reference_cases import read_reference_cases
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
from emfm.workflow.paths import KINDS
from measurements import measurement_params
from small_store import GEOMETRY, SingleElements, packed

REFERENCE_CASES = Path("data/reference/nec_cases.npz")
NEC = Path(__file__).parents[3] / REFERENCE_CASES
PLACES = {"nec": str(REFERENCE_CASES)}


class KnowsHalf:
    """A model of no field that calls every second of the cases unlike its training samples."""

    def __init__(self, target):
        self._asked, self._shape = 0, target.shape

    def predict_with_trust(self, source_h):
        distance = (np.arange(len(source_h)) + self._asked) % 2 * 2.0
        self._asked += len(source_h)
        expected = np.where(distance[:, None] > 1, np.nan, [[0.5, 0.4]])
        return np.zeros((len(source_h), 12, *self._shape)), expected, 2 * expected, distance


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    REFERENCE_CASES.parent.mkdir(parents=True)
    shutil.copy(NEC, REFERENCE_CASES)
    return tmp_path


def test_reference_cases_on_other_planes_are_left_out_and_named(project):
    sets, left_out = reference_sets(PLACES, GEOMETRY)
    assert sets == {}
    assert left_out == {"nec": "the cases have another source plane and another target plane than the section data"}


def test_every_store_of_a_kind_is_a_set_in_order_of_its_name(project):
    for kind in ("wires", "loops"):
        packed(SingleElements(list("ab")), KINDS / kind)
    (KINDS / "not_a_store").mkdir()
    sets = kind_sets(GEOMETRY)
    assert [(name, len(samples)) for name, samples in sets.items()] == [("loops", 2), ("wires", 2)]


def test_scenes_of_a_kind_are_read_as_measured(project):
    geometry = read_reference_cases(REFERENCE_CASES).geometry
    stored = whole_store(packed(SingleElements(list("ab"), geometry=geometry), KINDS / "loops"))
    measurement = Measurement(measurement_params(), geometry)
    sets = kind_sets(geometry, measurement)
    (scans, _), (clean, _) = next(sets["loops"].batches(2)), next(stored.batches(2))
    assert (scans == measurement.read(clean, stored.ids)).all()
    assert (scans != clean).any()


def test_a_kind_on_other_planes_is_refused(project):
    packed(SingleElements(list("ab")), KINDS / "loops")
    other = replace(GEOMETRY, target=replace(GEOMETRY.target, z=6e-3))
    with pytest.raises(DataError, match=r"data/kinds/loops: has other planes than data/store; .*dvc repro acquire"):
        kind_sets(other)


def test_equivalent_dipoles_are_good_on_the_reference_cases(project):
    cases = read_reference_cases(REFERENCE_CASES)
    sets, left_out = reference_sets(PLACES, cases.geometry)
    assert (list(sets), left_out) == (["nec"], {})
    predict = dipole_operator(cases.geometry, DipoleSetting()).apply
    compared = Compared("stage5", KnowsHalf(cases.geometry.target), {"dipoles": predict})
    found = evaluate_reference(compared, sets["nec"], 5, "nec")
    assert found.samples == 12
    assert list(found.metrics) == ["stage5", "dipoles"]
    assert found.trust.unlike_training == 0.5
    assert found.trust.true_over_expected_e == pytest.approx(2)
    assert (found.trust.coverage_e, found.trust.coverage_h) == (1, 0)
    assert found.metrics["dipoles"].rel_l2_e < 0.3
    assert found.metrics["dipoles"].rel_l2_h < 0.3
    assert found.metrics["dipoles"].maxwell_residual_truth < 1e-3
    errors = [case.errors["dipoles"].rel_l2_h for case in found.cases.values()]
    assert list(found.cases) == list(cases.ids)
    assert np.median(errors) == pytest.approx(found.metrics["dipoles"].rel_l2_h, rel=1e-12)
    assert [case.unlike_training for case in found.cases.values()] == [False, True] * 6


def test_no_expected_error_and_no_bound_stand_beside_a_warning(project):
    sets, _ = reference_sets(PLACES, read_reference_cases(REFERENCE_CASES).geometry)
    model = KnowsHalf(sets["nec"].geometry.target)
    found = evaluate_reference(Compared("stage5", model, {}), sets["nec"], 12, "nec")
    for case in found.cases.values():
        assert (case.expected is None) == (case.bound is None) == case.unlike_training
        assert case.errors["stage5"].rel_l2_e == pytest.approx(1)
    first = next(iter(found.cases.values()))
    assert (first.expected.rel_l2_h, first.bound.rel_l2_e) == (0.4, 1.0)


def test_of_a_kind_of_scenes_it_is_known_how_well_the_final_stage_knows_its_errors(project):
    geometry = read_reference_cases(REFERENCE_CASES).geometry
    packed(SingleElements(list("abcdefg"), geometry=geometry), KINDS / "loops")
    samples = kind_sets(geometry)["loops"]
    found = evaluate_kind(Compared("stage5", KnowsHalf(geometry.target), {}), samples, 3, "loops")
    assert found.trust.unlike_training == pytest.approx(3 / 7)
    assert (found.trust.coverage_e, found.trust.coverage_h) == (1, 0)
    assert found.metrics["stage5"].rel_l2_e == pytest.approx(1)


def test_a_set_that_is_not_there_is_named_with_its_key(project):
    with pytest.raises(DataError, match=r"mine/none: no such file or folder; correct eval.reference.mine in params"):
        reference_sets(PLACES | {"mine": "mine/none"}, GEOMETRY)


def test_a_folder_of_solved_cases_is_a_set_with_its_parameters_as_properties(project):
    source = SingleElements(["f"] * 3)
    Path("mine").mkdir()
    for row in range(3):
        sample = source.sample(row)
        np.savez(f"mine/board-{row}.npz", x=sample.source_h, y=sample.target)
    Path("mine/samples.csv").write_text("id,height_mm\nboard-2,1.6\nboard-0,\nboard-1,0.8\n")
    sets, left_out = reference_sets({"mine": "mine"}, GEOMETRY)
    assert left_out == {}
    assert sets["mine"].ids == ("board-2", "board-0", "board-1")
    assert sets["mine"].properties == ({"height_mm": 1.6}, {}, {"height_mm": 0.8})
    np.testing.assert_array_equal(sets["mine"].source_h[0], source.sample(2).source_h)
    np.testing.assert_array_equal(sets["mine"].target[1], source.sample(0).target)
