"""The sets beside val_fixed that no split draws from: kinds of scenes, and reference sets case by case."""

from collections.abc import Mapping
from pathlib import Path

from emfm.core.errors import DataError
from emfm.core.grid import Geometry, differences
from emfm.core.measurement import MeasuredSamples, Measurement
from emfm.core.sample_lists import whole_store
from emfm.core.store import HEADER_FILE, Store
from emfm.evaluate.agreement import Expectation
from emfm.evaluate.evaluation import Predictor, Samples, expectation, set_metrics
from emfm.evaluate.reference_cases import ReferenceCases, read_reference
from emfm.evaluate.set_metrics import SetMetrics
from emfm.model.trained import TrainedModel
from emfm.results.schema import CaseErrors, Metrics, OtherSet, ReferenceCase, ReferenceSet
from emfm.workflow.paths import KINDS, STORE


def kind_sets(geometry: Geometry, measurement: Measurement | None = None) -> dict[str, MeasuredSamples]:
    """Each store of a kind of scenes by name, with scans read as measured, as those of the main set are.

    Raises DataError where one is damaged or on other planes.
    """
    sets = {}
    folders = (header.parent for header in KINDS.glob(f"*/{HEADER_FILE}"))
    for folder in sorted(folders, key=lambda found: found.name):
        samples = whole_store(Store(folder))
        if differences(geometry, samples.geometry):
            raise DataError(f"{folder}: has other planes than {STORE}; make both anew with `dvc repro acquire`")
        sets[folder.name] = MeasuredSamples(samples, measurement)
    return sets


def reference_sets(places: Mapping[str, str], geometry: Geometry) -> tuple[dict[str, ReferenceCases], dict[str, str]]:
    """The sets of ``eval.reference`` by name; and which are left out, since they are on other planes, and why.

    Raises DataError where one is missing or damaged.
    """
    sets, left_out = {}, {}
    for name, place in places.items():
        cases = read_reference(Path(place), geometry, f"eval.reference.{name}")
        different = differences(geometry, cases.geometry)
        if different:
            left_out[name] = f"the cases have another {' and another '.join(different)} than the section data"
        else:
            sets[name] = cases
    return sets, left_out


def evaluate_kind(
    predictors: Mapping[str, Predictor], samples: Samples, batch_size: int, name: str, final: TrainedModel
) -> OtherSet:
    """The figures of each predictor on the set called ``name``, and how much of it ``final`` finds unlike its own."""
    found = _measured(predictors, samples, batch_size, name)
    said = expectation(final, samples, batch_size, f"{name}, trust")
    return OtherSet(samples=len(samples), metrics=_metrics(found), unlike_training=said.unlike_training())


def evaluate_reference(
    predictors: Mapping[str, Predictor], cases: ReferenceCases, batch_size: int, name: str, final: TrainedModel
) -> ReferenceSet:
    """As `evaluate_kind`, with the errors of each predictor on each case, and what ``final`` says of it."""
    found = _measured(predictors, cases, batch_size, name)
    said = expectation(final, cases, batch_size, f"{name}, trust")
    by_case = {
        case: ReferenceCase(
            properties=dict(cases.properties[place]),
            errors={predictor: _errors_of(metrics, place) for predictor, metrics in found.items()},
            expected=_expected_of(said, place),
            unlike_training=bool(said.distance[place] > 1) if said.is_known() else None,
        )
        for place, case in enumerate(cases.ids)
    }
    return ReferenceSet(
        samples=len(cases), metrics=_metrics(found), unlike_training=said.unlike_training(), cases=by_case
    )


def _measured(
    predictors: Mapping[str, Predictor], samples: Samples, batch_size: int, name: str
) -> dict[str, SetMetrics]:
    return {
        predictor: set_metrics(predict, samples, batch_size, f"{predictor} on {name}")
        for predictor, predict in predictors.items()
    }


def _metrics(found: Mapping[str, SetMetrics]) -> dict[str, Metrics]:
    return {name: Metrics.model_validate(measured.compute()) for name, measured in found.items()}


def _errors_of(measured: SetMetrics, place: int) -> CaseErrors:
    errors = measured.per_sample()
    return CaseErrors(rel_l2_e=float(errors.rel_l2_e[place]), rel_l2_h=float(errors.rel_l2_h[place]))


def _expected_of(said: Expectation, place: int) -> CaseErrors | None:
    """None beside a warning: there the number means nothing."""
    if not said.is_known() or said.distance[place] > 1:
        return None
    return CaseErrors(rel_l2_e=float(said.rel_l2_e[place]), rel_l2_h=float(said.rel_l2_h[place]))
