"""The sets beside val_fixed that no split draws from: kinds of scenes, and reference sets case by case."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emfm.core.errors import DataError
from emfm.core.grid import Geometry, differences
from emfm.core.measurement import MeasuredSamples, Measurement
from emfm.core.sample_lists import whole_store
from emfm.core.store import HEADER_FILE, Store
from emfm.evaluate.agreement import Expectation
from emfm.evaluate.case_errors import errors_if_known, errors_of
from emfm.evaluate.evaluation import Predictor, Samples, collect_with_trust, set_metrics
from emfm.evaluate.known_boards import evaluate_with_boards
from emfm.evaluate.reference_cases import ReferenceCases, read_reference
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import trust_metrics
from emfm.model.trained import TrainedModel
from emfm.results.schema import Metrics, OtherSet, ReferenceCase, ReferenceSet
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


@dataclass(frozen=True)
class Compared:
    """The predictors that are compared on the sets beside val_fixed."""

    final: str
    """The name of the final stage."""
    model: TrainedModel
    """Of the final stage."""
    baselines: Mapping[str, Predictor]


def evaluate_kind(compared: Compared, samples: Samples, batch_size: int, name: str) -> OtherSet:
    """The figures of each predictor on the set called ``name``, and how well the final stage knows its errors there."""
    found, said = _measured(compared, samples, batch_size, name)
    trust = trust_metrics(said, found[compared.final].per_sample())
    return OtherSet(samples=len(samples), metrics=_metrics(found), trust=trust)


def evaluate_reference(compared: Compared, cases: ReferenceCases, batch_size: int, name: str) -> ReferenceSet:
    """As `evaluate_kind`, and by case: all errors, what the final stage says, what is given with its ground plane."""
    found, said = _measured(compared, cases, batch_size, name)
    with_boards, of_boards = evaluate_with_boards(compared.model, cases, name)
    by_case = {
        case: ReferenceCase(
            properties=dict(cases.properties[place]),
            errors={predictor: errors_of(metrics, place) for predictor, metrics in found.items()},
            expected=errors_if_known(said.rel_l2_e[place], said.rel_l2_h[place]),
            bound=errors_if_known(said.bound_e[place], said.bound_h[place]),
            unlike_training=bool(said.warned()[place]) if said.is_known() else None,
            board_given=of_boards[place],
        )
        for place, case in enumerate(cases.ids)
    }
    trust = trust_metrics(said, found[compared.final].per_sample())
    return ReferenceSet(
        samples=len(cases), metrics=_metrics(found), trust=trust, cases=by_case, board_given=with_boards
    )


def _measured(
    compared: Compared, samples: Samples, batch_size: int, name: str
) -> tuple[dict[str, SetMetrics], Expectation]:
    """The figures of each predictor, and what the final stage says of its predictions."""
    of_final = SetMetrics(samples.geometry)
    said = collect_with_trust(compared.model, samples, batch_size, of_final, f"{compared.final} on {name}")
    of_baselines = {
        baseline: set_metrics(predict, samples, batch_size, f"{baseline} on {name}")
        for baseline, predict in compared.baselines.items()
    }
    return {compared.final: of_final, **of_baselines}, said


def _metrics(found: Mapping[str, SetMetrics]) -> dict[str, Metrics]:
    return {name: Metrics.model_validate(measured.compute()) for name, measured in found.items()}
