"""Stage ``eval_val_fixed``: every stage's best model and the baselines on the same val_fixed, and on sets beside it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.core.grid import Geometry, differences
from emfm.core.measurement import MeasuredSamples, Measurement, described
from emfm.core.sample_lists import SampleList, open_samples, whole_store
from emfm.core.store import HEADER_FILE, Store
from emfm.evaluate.baselines import N, Remember, make_baselines
from emfm.evaluate.evaluation import (
    Predictor,
    Samples,
    SetEvaluation,
    set_metrics,
    share_unlike_training,
    shown_batches,
)
from emfm.evaluate.reference_cases import read_reference_cases
from emfm.model.trained import TrainedModel
from emfm.results.schema import Metrics, OtherSet, ValResults
from emfm.settings import Params
from emfm.workflow.paths import (
    KINDS,
    PICTURED,
    REFERENCE_CASES,
    STORE,
    VAL_METRICS,
    VAL_RESULTS,
    best_model,
    ids_file,
)
from emfm.workflow.unfinished import memo_folder
from ttt.arrays import write_npz
from ttt.engine.evaluate import resolve_device
from ttt.files import write_json
from ttt.memo import Memo

_REFERENCE = "nec"


def run(params: Params) -> None:
    """Write all results, the small file of metrics, and the predictions of the samples that are drawn."""
    store = Store(STORE)
    measurement = Measurement.of(params.data.measurement, store.geometry)
    others, left_out = other_sets(store.geometry, measurement)
    val_fixed = open_samples(store, ids_file("val_fixed"))
    train_pool = open_samples(store, ids_file("train_pool"), params.stages.sizes[-1])
    device, batch_size = resolve_device(params.training.device), params.eval.batch_size
    evaluation = SetEvaluation(val_fixed, batch_size, params.eval.noise_snr_db, measurement)

    models, stages = {}, dict[str, TrainedModel]()
    for stage, train_samples in enumerate(params.stages.sizes, start=1):
        name = f"stage{stage}"
        stages[name] = TrainedModel(best_model(stage), device)
        models[name] = evaluation.evaluate_model(stages[name], best_model(stage), train_samples, name)

    final = f"stage{len(params.stages.sizes)}"
    classic: dict[str, Predictor] = {}
    baselines = {}
    for name, baseline in make_baselines(store.geometry, params.eval.ridge).items():
        samples = MeasuredSamples(train_pool.in_store_order(), measurement)
        baseline.fit(shown_batches(samples, batch_size, f"{name}, fit"), remembered_fit(params, samples, name))
        baselines[name] = evaluation.evaluate(baseline.predict, name)
        classic[name] = baseline.predict

    compared: dict[str, Predictor] = {final: stages[final], **classic}
    results = ValResults(
        set="val_fixed",
        samples=len(val_fixed),
        scans=described(measurement),
        models=models,
        baselines=baselines,
        sets={
            name: evaluate_set(compared, samples, batch_size, name, stages[final]) for name, samples in others.items()
        },
        left_out=left_out,
    )
    write_json(VAL_RESULTS, results.model_dump(by_alias=True))
    write_json(VAL_METRICS, {"val": metrics(results, final)})
    write_npz(PICTURED, pictured(val_fixed, {**stages, **classic}, params.eval.num_pictures, measurement))


def remembered_fit(params: Params, samples: MeasuredSamples, name: str) -> Remember:
    """Keeps what the baseline ``name`` learns from ``samples``: most of this stage's time, the same in a whole sweep.

    The place in the memo is all that the bits depend on: samples and their portions, parameters, code, libraries.
    """
    compute = params.training.compute
    decides = {
        "baseline": name,
        "samples": samples.digest,
        "geometry": repr(samples.geometry),
        "batch_size": params.eval.batch_size,
        "ridge": params.eval.ridge,
        "threads": compute.threads,
        "instruction_set": compute.instruction_set,
        "numpy": np.__version__,
    }
    memo = Memo(memo_folder("eval_val_fixed", "baselines"))

    def remember(learn: Callable[[], NDArray[N]], dtype: type[N], /) -> NDArray[N]:
        return memo.array(f"{decides} {dtype.__name__}", learn, dtype)

    return remember


def other_sets(geometry: Geometry, measurement: Measurement | None = None) -> tuple[dict[str, Samples], dict[str, str]]:
    """The reference cases and each store of a kind of scenes, by name; and what is left out, and why.

    Scenes are read as measured, as those of the main set are; the reference cases as they are in their file.

    Raises DataError where a store of a kind is damaged or on other planes than ``geometry``.
    """
    sets: dict[str, Samples] = {}
    left_out = {}
    cases = read_reference_cases(REFERENCE_CASES)
    different = differences(geometry, cases.geometry)
    if different:
        left_out[_REFERENCE] = f"the cases have another {' and another '.join(different)} than the section data"
    else:
        sets[_REFERENCE] = cases
    folders = (header.parent for header in KINDS.glob(f"*/{HEADER_FILE}"))
    for folder in sorted(folders, key=lambda found: found.name):
        samples = whole_store(Store(folder))
        if differences(geometry, samples.geometry):
            raise DataError(f"{folder}: has other planes than {STORE}; make both anew with `dvc repro acquire`")
        sets[folder.name] = MeasuredSamples(samples, measurement)
    return sets, left_out


def evaluate_set(
    predictors: Mapping[str, Predictor], samples: Samples, batch_size: int, name: str, final: TrainedModel
) -> OtherSet:
    """The figures of each predictor on the set called ``name``, and how much of it ``final`` finds unlike its own."""
    found = {
        predictor: Metrics.model_validate(set_metrics(predict, samples, batch_size, f"{predictor} on {name}").compute())
        for predictor, predict in predictors.items()
    }
    unlike = share_unlike_training(final, samples, batch_size, f"{name}, trust")
    return OtherSet(samples=len(samples), metrics=found, unlike_training=unlike)


def metrics(results: ValResults, final: str) -> dict[str, float]:
    """What `dvc exp show` prints of the final stage."""
    known = results.models[final].metrics.headline()
    if _REFERENCE in results.sets:
        reference = results.sets[_REFERENCE].metrics[final]
        known |= {f"{_REFERENCE}_e": reference.rel_l2_e, f"{_REFERENCE}_h": reference.rel_l2_h}
    return known


def pictured(
    samples: SampleList, predictors: Mapping[str, Predictor], count: int, measurement: Measurement | None = None
) -> dict[str, Any]:
    """The same ``count`` samples every time: ``ids``, ``truth``, and each prediction under its predictor's name."""
    fixed = samples.spread(count)
    source_h, truth = next(MeasuredSamples(fixed, measurement).batches(count))
    arrays = {name: predict(source_h).astype(np.float32) for name, predict in predictors.items()}
    return {"ids": np.array(fixed.ids), "truth": truth} | arrays
