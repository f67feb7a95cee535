"""Stage ``eval_val_fixed``: every stage's best model and the baselines on the same val_fixed."""

from typing import Any

import numpy as np

from emfm.data.arrays import write_npz
from emfm.data.sample_lists import SampleList, open_samples
from emfm.data.store import Store
from emfm.evaluation.baselines import make_baselines
from emfm.evaluation.judge import Predictor, judge, judge_checkpoint, model_predictor
from emfm.evaluation.results import SetResults, baseline_result
from emfm.settings import Params
from emfm.stages.paths import PICTURED, STORE, VAL_METRICS, VAL_RESULTS, best_model, ids_file
from ttt.engine.evaluate import resolve_device
from ttt.files import write_json


def run(params: Params) -> None:
    """Write all results, the small file of metrics, and the predictions of the samples that are drawn."""
    store = Store(STORE)
    val_fixed = open_samples(store, ids_file("val_fixed"))
    train_pool = open_samples(store, ids_file("train_pool"), params.stages.sizes[-1])
    device, batch_size = resolve_device(params.training.device), params.eval.batch_size

    models, predictors = {}, {}
    for stage, train_samples in enumerate(params.stages.sizes, start=1):
        name = f"stage{stage}"
        models[name] = judge_checkpoint(best_model(stage), val_fixed, batch_size, device, train_samples, name)
        predictors[name] = model_predictor(best_model(stage), device)

    baselines = {}
    for name, baseline in make_baselines(store.geometry, params.eval.ridge).items():
        baseline.fit(train_pool.batches(batch_size))
        errors = judge(baseline.predict, val_fixed, batch_size, name)
        baselines[name] = baseline_result(errors)

    results = SetResults(set="val_fixed", samples=len(val_fixed), models=models, baselines=baselines)
    write_json(VAL_RESULTS, results.model_dump())
    final = f"stage{len(params.stages.sizes)}"
    write_json(VAL_METRICS, {"val": models[final].figures.model_dump()})
    write_npz(PICTURED, pictured(val_fixed, predictors, params.eval.num_pictures))


def pictured(samples: SampleList, predictors: dict[str, Predictor], count: int) -> dict[str, Any]:
    """The same ``count`` samples every time: ``ids``, ``truth``, and each stage's prediction under its name."""
    fixed = samples.spread(count)
    source_h, truth = next(fixed.batches(count))
    arrays = {name: predict(source_h).astype(np.float32) for name, predict in predictors.items()}
    return {"ids": np.array(fixed.ids), "truth": truth} | arrays
