"""The baselines as params.yaml makes them: how the dipoles' setting is chosen, and what is kept of a fit."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from emfm.core.measurement import MeasuredSamples, Measurement
from emfm.core.sample_lists import whole_store
from emfm.evaluate.baselines import LinearOperator
from emfm.evaluate.evaluation import set_metrics
from emfm.evaluate.fitted_baselines import choose_dipoles, remembered_fit
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
from emfm.settings import parse_params
from small_store import GEOMETRY, SingleElements, packed
from ttt.config import read_yaml

GRID = {"depths": [0.5, 1.5], "margins": [0.0, 0.5, 2.0], "tikhonov": [1e-6, 1e-2]}
"""Of which the scan of 5 x 3 points has no room for the last margin."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params_with(changes):
    values = deepcopy(read_yaml(Path(__file__).parents[3] / "params.yaml"))
    for key, value in changes.items():
        section, *inner, name = key.split(".")
        holder = values[section]
        for part in inner:
            holder = holder[part]
        holder[name] = value
    return parse_params(values, "params.yaml")


@pytest.fixture
def fitted(project):
    """How many batches a fit of the linear map reads, with the keys of params.yaml and the samples that are given."""
    store = packed(SingleElements(["f"] * 8), project / "store")

    def batches_read(changes, rows):
        params = params_with(changes)
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


def test_the_setting_is_the_best_on_val_fixed_of_those_that_the_scan_has_room_for(project):
    samples = MeasuredSamples(whole_store(packed(SingleElements(["f"] * 8), project / "store")), None)
    chosen = choose_dipoles(params_with({"eval.equivalent_dipoles": GRID}), samples)
    assert chosen.tried == 8
    scores = {}
    for depth in GRID["depths"]:
        for margin in GRID["margins"][:2]:
            for tikhonov in GRID["tikhonov"]:
                operator = dipole_operator(GEOMETRY, DipoleSetting(depth, 1.0, margin, tikhonov))
                errors = set_metrics(operator.apply, samples, 3, "dipoles").per_sample()
                scores[depth, margin, tikhonov] = np.median((errors.rel_l2_e + errors.rel_l2_h) / 2)
    assert (chosen.depth, chosen.margin, chosen.tikhonov) == min(scores, key=scores.get)


def test_other_samples_of_val_fixed_choose_again_and_the_same_are_not_read_again(project, monkeypatch):
    store = packed(SingleElements(["f"] * 8), project / "store")
    params = params_with({"eval.equivalent_dipoles": GRID})
    samples = whole_store(store)
    chosen = choose_dipoles(params, MeasuredSamples(samples, None))
    monkeypatch.setattr("emfm.evaluate.fitted_baselines.setting_errors", lambda *_: {})
    assert choose_dipoles(params, MeasuredSamples(samples, None)) == chosen
    with pytest.raises(ValueError, match="tried"):
        choose_dipoles(params, MeasuredSamples(samples.first(5), None))
