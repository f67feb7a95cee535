"""The sets beside val_fixed: which are judged, and which are left out."""

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.measurement import MeasuredSamples, Measurement
from emfm.core.sample_lists import whole_store
from emfm.evaluate.baselines import LinearOperator
from emfm.evaluate.equivalent_dipoles import dipole_operator
from emfm.evaluate.eval_val_fixed import evaluate_set, other_sets, remembered_fit
from emfm.evaluate.reference_cases import read_reference_cases
from emfm.settings import parse_params
from emfm.workflow.paths import KINDS, REFERENCE_CASES
from measurements import measurement_params
from small_store import GEOMETRY, SingleElements, packed
from ttt.config import read_yaml

NEC = Path(__file__).parents[3] / REFERENCE_CASES


class KnowsHalf:
    """A model that calls every second of the reference cases unlike its training samples."""

    def __init__(self):
        self._asked = 0

    def predict_with_trust(self, source_h):
        distance = (np.arange(len(source_h)) + self._asked) % 2 * 2.0
        self._asked += len(source_h)
        return None, np.full((len(source_h), 2), 0.1), distance


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    REFERENCE_CASES.parent.mkdir(parents=True)
    shutil.copy(NEC, REFERENCE_CASES)
    return tmp_path


def test_reference_cases_on_other_planes_are_left_out_and_named(project):
    sets, left_out = other_sets(GEOMETRY)
    assert sets == {}
    assert left_out == {"nec": "the cases have another source plane and another target plane than the section data"}


def test_every_store_of_a_kind_is_a_set_in_order_of_its_name(project):
    for kind in ("wires", "loops"):
        packed(SingleElements(list("ab")), KINDS / kind)
    (KINDS / "not_a_store").mkdir()
    sets, _ = other_sets(GEOMETRY)
    assert [(name, len(samples)) for name, samples in sets.items()] == [("loops", 2), ("wires", 2)]


def test_scenes_of_a_kind_are_read_as_measured_and_reference_cases_as_they_are(project):
    cases = read_reference_cases(REFERENCE_CASES)
    source = SingleElements(list("ab"), geometry=cases.geometry)
    stored = whole_store(packed(source, KINDS / "loops"))
    measurement = Measurement(measurement_params(), cases.geometry)
    sets, _ = other_sets(cases.geometry, measurement)
    (scans, _), (clean, _) = next(sets["loops"].batches(2)), next(stored.batches(2))
    assert (scans == measurement.read(clean, stored.ids)).all()
    assert (scans != clean).any()
    assert (next(sets["nec"].batches(12))[0] == cases.source_h).all()


def test_a_kind_on_other_planes_is_refused(project):
    packed(SingleElements(list("ab")), KINDS / "loops")
    other = replace(GEOMETRY, target=replace(GEOMETRY.target, z=6e-3))
    with pytest.raises(DataError, match=r"data/kinds/loops: has other planes than data/store; .*dvc repro acquire"):
        other_sets(other)


def test_equivalent_dipoles_are_good_on_the_reference_cases(project):
    cases = read_reference_cases(REFERENCE_CASES)
    sets, left_out = other_sets(cases.geometry)
    assert (list(sets), left_out) == (["nec"], {})
    found = evaluate_set({"dipoles": dipole_operator(cases.geometry).apply}, sets["nec"], 5, "nec", KnowsHalf())
    assert found.samples == 12
    assert found.unlike_training == 0.5
    assert found.metrics["dipoles"].rel_l2_e < 0.3
    assert found.metrics["dipoles"].rel_l2_h < 0.3
    assert found.metrics["dipoles"].maxwell_residual_truth < 1e-3


@pytest.fixture
def fitted(project):
    """How many batches a fit of the linear map reads, with the keys of params.yaml and the samples that are given."""
    raw = read_yaml(Path(__file__).parents[3] / "params.yaml")
    store = packed(SingleElements(["f"] * 8), project / "store")

    def batches_read(changes, rows):
        values = deepcopy(raw)
        for key, value in changes.items():
            section, *inner, name = key.split(".")
            holder = values[section]
            for part in inner:
                holder = holder[part]
            holder[name] = value
        params = parse_params(values, "params.yaml")
        measurement = Measurement.of(params.data.measurement, GEOMETRY)
        chosen = MeasuredSamples(whole_store(store).part(rows), measurement)
        read = []
        baseline = LinearOperator(GEOMETRY, params.eval.ridge)
        counted = (read.append(batch) or batch for batch in chosen.batches(params.eval.batch_size))
        baseline.fit(counted, remembered_fit(params, chosen, "linear_operator"))
        return len(read)

    return batches_read


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"eval.ridge": 0.01}, range(8)),
        ({"eval.batch_size": 4}, range(8)),
        ({"compute.threads": 1}, range(8)),
        ({"data.measurement": None}, range(8)),
        ({"data.measurement.gain_db": 0.1}, range(8)),
        ({"compute.instruction_set": "native"}, range(8)),
        ({}, range(7)),
        ({}, [1, 0, *range(2, 8)]),
    ],
    ids=[
        "ridge",
        "batches",
        "threads",
        "as stored",
        "another gain",
        "instruction set",
        "fewer samples",
        "another order",
    ],
)
def test_a_fit_is_remembered_for_the_same_samples_parameters_and_bits_alone(fitted, changes, rows):
    assert fitted({}, range(8)) == 1
    assert fitted({"loss.h_weight": 3.0}, range(8)) == 0
    assert fitted(changes, list(rows)) > 0
    assert fitted(changes, list(rows)) == 0
