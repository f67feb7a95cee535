"""Results of predictors whose errors are known, for tests of the reports."""

import numpy as np

from emfm.core.field_errors import FieldErrors
from emfm.evaluate.comparisons import compare, stage_pairs
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import model_result, predictor_result
from emfm.results.best import by_errors
from emfm.results.ledger import Look
from emfm.results.schema import (
    CaseErrors,
    DipoleChoice,
    MilestoneResults,
    NotOpened,
    ReferenceCase,
    ReferenceSet,
    ValResults,
)
from small_store import GEOMETRY

TEST_SET = "e" * 64
"""The hash of the test set that `looks` are at."""
DIPOLES = DipoleChoice(depth=1.5, margin=2.0, tikhonov=3e-4, tried=16)
NOT_OPENED = NotOpened(milestone=False, test_set_sha256=TEST_SET)


FAMILIES = np.array([0, 1, 1])
"""Of the samples on which all are evaluated."""


def errors(size, collected=None):
    """Errors of ``size`` times the truth, everywhere."""
    truth = np.random.default_rng(0).standard_normal((3, 12, *GEOMETRY.target.shape))
    collected = FieldErrors() if collected is None else collected
    collected.update(truth * (1 + size), truth)
    return collected


def result(size):
    """Errors of ``size`` times the truth, and twice and four times that with noise of 40 and 20 dB."""
    groups = {
        "depth": [Group(1e-3, 1.5e-3, np.array([0, 1])), Group(None, None, np.array([2]))],
        "family_size": [Group(1.0, 1.0, np.array([1])), Group(2.0, 5.0, np.array([0, 2]))],
    }
    noise = {40.0: (errors(2 * size), None), 20.0: (errors(4 * size), None)}
    return predictor_result(errors(size, SetMetrics(GEOMETRY)), FAMILIES, groups, noise)


def model(size, train_samples, digit, trust=None):
    return model_result(result(size), train_samples, digit * 64, trust)


def val_results():
    """Three stages, two baselines, and the last stage and the baselines on the reference cases."""
    models = {
        "stage1": model(0.5, 100, "a"),
        "stage2": model(0.25, 1500, "b"),
        "stage3": model(0.3, 4900, "c"),
    }
    baselines = {"mean_field": result(1.0), "equivalent_dipoles": result(0.2)}
    sizes = {"stage1": 0.5, "stage2": 0.25, "stage3": 0.3, "equivalent_dipoles": 0.2}
    compared = {name: errors(size).per_sample() for name, size in sizes.items()}
    on_nec = {"stage3": result(0.4), "mean_field": result(1.5), "equivalent_dipoles": result(0.1)}
    case = ReferenceCase(
        properties={},
        errors={name: errors_of_case(found.metrics.rel_l2_e) for name, found in on_nec.items()},
        expected=None,
        bound=None,
        unlike_training=None,
    )
    nec = ReferenceSet(
        samples=12,
        metrics={name: found.metrics for name, found in on_nec.items()},
        trust=None,
        cases={f"wire_{number}": case for number in range(12)},
    )
    return ValResults(
        set="val_fixed",
        samples=40,
        models=models,
        baselines=baselines,
        recommended="stage2",
        comparisons=compare(compared, stage_pairs(list(models), by_errors(models), "equivalent_dipoles"), FAMILIES),
        equivalent_dipoles=DIPOLES,
        references={"nec": nec},
        sets={},
        left_out={},
    )


def errors_of_case(size):
    return CaseErrors(rel_l2_e=size, rel_l2_h=size / 2)


def milestone_results(models):
    """A test_final of 90 samples that was opened for ``models``."""
    return MilestoneResults(
        milestone=True,
        set="test_final",
        test_set_sha256=TEST_SET,
        samples=90,
        models=models,
        baselines={},
        comparisons=[],
    )


def looks(count, test_set=TEST_SET):
    """As many looks at a test_final, of different models."""
    figures = errors(0.1).compute()
    return [
        Look(f"2031-01-0{n}T09:00:00", "f" * 40, "stage3", f"{n}" * 64, test_set, figures) for n in range(1, count + 1)
    ]
