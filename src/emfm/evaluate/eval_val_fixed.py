"""Stage ``eval_val_fixed``: every stage's best model and the baselines on the same val_fixed, and on sets beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emfm.core.field_errors import SampleErrors
from emfm.core.measurement import MeasuredSamples, Measurement, described
from emfm.core.sample_lists import open_samples
from emfm.core.store import Store
from emfm.evaluate.comparisons import compare, stage_pairs
from emfm.evaluate.evaluation import Predictor, SetEvaluation
from emfm.evaluate.fitted_baselines import choose_dipoles, fitted_baselines
from emfm.evaluate.other_sets import Compared, evaluate_kind, evaluate_reference, kind_sets, reference_sets
from emfm.evaluate.reference_cases import ReferenceCases
from emfm.model.explained import ExplainedScans
from emfm.model.trained import TrainedModel
from emfm.results.best import best_untrained, by_errors, sum_of_errors
from emfm.results.pictured import MOST_PICTURES, PicturedFields, write_pictured
from emfm.results.schema import ReferenceSet, ValResults
from emfm.settings import Params
from emfm.workflow.paths import PICTURED, STORE, VAL_ERRORS, VAL_METRICS, VAL_RESULTS, best_model, ids_file
from ttt.engine.evaluate import resolve_device
from ttt.files import write_json, write_text


def run(params: Params) -> None:
    """Write all results, the errors on each sample, the few metrics, and the predictions that may be drawn."""
    store = Store(STORE)
    measurement = Measurement.of(params.data.measurement, store.geometry)
    references, left_out = reference_sets(params.eval.reference, store.geometry)
    kinds = kind_sets(store.geometry, measurement)
    val_fixed = open_samples(store, ids_file("val_fixed"))
    train_pool = open_samples(store, ids_file("train_pool"), params.stages.sizes[-1])
    device, batch_size = resolve_device(params.training.device), params.eval.batch_size
    evaluation = SetEvaluation(val_fixed, batch_size, params.eval.noise_snr_db, measurement)

    explained = ExplainedScans(store.geometry, params.data.measurement, device)
    models, stages, errors = {}, dict[str, TrainedModel](), dict[str, SampleErrors]()
    for stage, train_samples in enumerate(params.stages.sizes, start=1):
        name = f"stage{stage}"
        stages[name] = TrainedModel(best_model(stage), device, explained)
        models[name], errors[name] = evaluation.evaluate_model(stages[name], best_model(stage), train_samples, name)

    final = f"stage{len(params.stages.sizes)}"
    dipoles = choose_dipoles(params, evaluation.measured)
    classic: dict[str, Predictor] = {}
    baselines = {}
    for name, baseline in fitted_baselines(params, dipoles, MeasuredSamples(train_pool.in_store_order(), measurement)):
        baselines[name], errors[name] = evaluation.evaluate(baseline.predict, name)
        classic[name] = baseline.predict

    compared = Compared(final, stages[final], classic)
    best = by_errors(models)
    results = ValResults(
        set="val_fixed",
        samples=len(val_fixed),
        scans=described(measurement),
        models=models,
        baselines=baselines,
        recommended=best[0],
        comparisons=compare(errors, stage_pairs(list(models), best, best_untrained(baselines)), evaluation.families),
        equivalent_dipoles=dipoles,
        references={name: evaluate_reference(compared, cases, batch_size, name) for name, cases in references.items()},
        sets={name: evaluate_kind(compared, samples, batch_size, name) for name, samples in kinds.items()},
        left_out=left_out,
    )
    write_json(VAL_RESULTS, results.model_dump(by_alias=True))
    write_text(VAL_ERRORS, evaluation.error_table(errors).to_csv())
    write_json(VAL_METRICS, {"val": metrics(results, final)})
    predictors: dict[str, Predictor] = {**stages, **classic}
    cases = [
        pictured_cases(references[name], found, predictors, name, final) for name, found in results.references.items()
    ]
    write_pictured(PICTURED, pictured(evaluation.measured, predictors, MOST_PICTURES), cases)


def metrics(results: ValResults, final: str) -> dict[str, float]:
    """What `dvc exp show` prints of the final stage."""
    known = results.models[final].metrics.headline()
    for name, reference in results.references.items():
        reached = reference.metrics[final]
        known |= {f"{name}_e": reached.rel_l2_e, f"{name}_h": reached.rel_l2_h}
        if given := reference.board_given:
            known |= {f"{name}_board_given_e": given.rel_l2_e, f"{name}_board_given_h": given.rel_l2_h}
    return known


def pictured(samples: MeasuredSamples, predictors: Mapping[str, Predictor], count: int) -> PicturedFields:
    """The same ``count`` samples every time, or all if they are fewer, with what each predictor makes of them."""
    fixed = samples.spread(count)
    source_h, truth = next(fixed.batches(count))
    return _pictured({f"field_{name}": f"Sample {name}" for name in fixed.ids}, source_h, truth, predictors)


def pictured_cases(
    cases: ReferenceCases, found: ReferenceSet, predictors: Mapping[str, Predictor], name: str, final: str
) -> PicturedFields:
    """The case of the median error of the ``final`` stage on the set ``name``, and that of the largest."""
    errors = [sum_of_errors(case.errors[final]) for case in found.cases.values()]
    order = np.argsort(errors, kind="stable")
    places = {"median": int(order[(len(order) - 1) // 2]), "worst": int(order[-1])}
    titles = {f"{name}_{which}": f"{name}, {which}: {cases.ids[place]}" for which, place in places.items()}
    chosen = list(places.values())
    return _pictured(titles, cases.source_h[chosen], cases.target[chosen], predictors)


def _pictured(
    titles: Mapping[str, str], source_h: Any, truth: Any, predictors: Mapping[str, Predictor]
) -> PicturedFields:
    predictions = {name: predict(source_h).astype(np.float32) for name, predict in predictors.items()}
    scans, fields = source_h.astype(np.float32), truth.astype(np.float32)
    return PicturedFields(list(titles), list(titles.values()), scans, fields, predictions)
