"""Stage ``eval_test_final``: the milestone models on test_final, and only while the training is the promoted one."""

from emfm.core.field_errors import SampleErrors
from emfm.core.measurement import Measurement, described
from emfm.core.sample_lists import open_samples
from emfm.core.store import Store
from emfm.evaluate.comparisons import compare, stage_pairs
from emfm.evaluate.evaluation import SetEvaluation
from emfm.evaluate.fitted_baselines import fitted_physics
from emfm.model.explained import ExplainedScans
from emfm.model.trained import TrainedModel
from emfm.results.best import best_untrained, by_errors
from emfm.results.ledger import Look, record_looks
from emfm.results.schema import MilestoneResults, NotOpened, Result, read_val_results
from emfm.settings import Params
from emfm.workflow.paths import LEDGER, PROMOTED, STORE, TEST_METRICS, TEST_RESULTS, VAL_RESULTS, best_model, ids_file
from ttt.config import changes, read_yaml
from ttt.engine.evaluate import resolve_device
from ttt.files import write_json


def run(params: Params) -> None:
    """Write the milestone models' figures and enter each look in the ledger, or write that test_final stayed closed.

    The baselines of physics alone are evaluated beside them, as they were chosen on val_fixed.
    """
    different = changes(read_yaml(PROMOTED), params.deciding())
    test_final = open_samples(Store(STORE), ids_file("test_final"))
    if different:
        print(f"test_final stays closed: this training is not the one in {PROMOTED}")
        for key, promoted, present in different:
            print(f"  {key}: {present!r}, promoted was {promoted!r}")
        write_json(
            TEST_RESULTS, NotOpened(milestone=False, test_set_sha256=test_final.digest).model_dump(by_alias=True)
        )
        write_json(TEST_METRICS, {"milestone": False})
        return
    device = resolve_device(params.training.device)
    measurement = Measurement.of(params.data.measurement, test_final.geometry)
    evaluation = SetEvaluation(test_final, params.eval.batch_size, params.eval.noise_snr_db, measurement)
    explained = ExplainedScans(test_final.geometry, params.data.measurement, device)
    models, errors, baselines = {}, dict[str, SampleErrors](), dict[str, Result]()
    for stage in params.milestone.stages:
        name, checkpoint = f"stage{stage}", best_model(stage)
        predict = TrainedModel(checkpoint, device, explained)
        models[name], errors[name] = evaluation.evaluate_model(
            predict, checkpoint, params.stages.sizes[stage - 1], name
        )
    dipoles = read_val_results(VAL_RESULTS).equivalent_dipoles
    for name, baseline in fitted_physics(params, dipoles, test_final.geometry):
        baselines[name], errors[name] = evaluation.evaluate(baseline.predict, name)
    record_looks(
        LEDGER,
        [
            Look.now(name, model.checkpoint_sha256, test_final.digest, model.metrics.headline())
            for name, model in models.items()
        ],
    )
    results = MilestoneResults(
        milestone=True,
        set="test_final",
        test_set_sha256=test_final.digest,
        samples=len(test_final),
        scans=described(measurement),
        models=models,
        baselines=baselines,
        comparisons=compare(
            errors, stage_pairs(list(models), by_errors(models), best_untrained(baselines)), evaluation.families
        ),
    )
    write_json(TEST_RESULTS, results.model_dump(by_alias=True))
    figures = {name: model.metrics.headline() for name, model in models.items()}
    write_json(TEST_METRICS, {"milestone": True, "test": figures})
