"""Stages ``train_stage1``, ``train_stage2``, ...: one rung of the ladder of nested training sets."""

from dataclasses import replace

import pandas as pd
import torch

from emfm.core.sample_lists import read_ids
from emfm.settings import Params, refuse_short_pool
from emfm.training.params import DataParams
from emfm.workflow.paths import NORM_STATS, STORE, best_model, curve, ids_file, logs
from emfm.workflow.unfinished import code_digest, memo_folder, resume_folder
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import Checkpoint, load_checkpoint, to_bytes
from ttt.engine.journal import epoch_records
from ttt.engine.loop import fit
from ttt.engine.ranks import joined_ranks
from ttt.engine.run_folder import RunFolder
from ttt.engine.start import NewRun, Resume
from ttt.files import sha256_file, write_bytes, write_text
from ttt.loggers.chosen import loggers_of
from ttt.memo import Memo


def run(params: Params, stage: int) -> None:
    """Train on the first samples of train_pool; write the best checkpoint and the loss curve.

    A run that was stopped goes on where it was and ends with the same bytes.
    """
    name = f"train_stage{stage}"
    config = replace(params.training, data=stage_data(params, stage))
    from_previous = stage > 1 and params.stages.init == "previous"
    init = best_model(stage - 1) if from_previous else None
    refuse_short_pool(len(read_ids(ids_file("train_pool"))), params.stages.sizes[-1])
    task = assemble(config)
    identity = [
        repr(config.portable_mapping()),
        task.spec.model_dump_json(),
        task.train.fingerprint,
        task.val.fingerprint,
        sha256_file(init) if init else "scratch",
        code_digest(name),
    ]
    compute = config.compute
    bits = str(compute.threads), compute.instruction_set, config.device, torch.__version__
    with joined_ranks() as ranks, ranks.holding(resume_folder(f"stage{stage}", identity)) as folder:
        run_folder = RunFolder(folder)
        start = ranks.first(lambda: Resume("last") if run_folder.last.exists() else NewRun(init))
        fit(
            task,
            config,
            folder,
            start,
            Memo(memo_folder(name, f"training-{config.model.name}", *bits)),
            loggers=loggers_of(config, logs(stage)),
        )
        if ranks.is_first:
            write_bytes(best_model(stage), to_bytes(without_journal(load_checkpoint(run_folder.best))))
            epochs = pd.DataFrame(epoch_records(run_folder.journal))
            write_text(curve(stage), epochs.to_csv(index=False, lineterminator="\n"))


def without_journal(checkpoint: Checkpoint) -> Checkpoint:
    """The same model without its place in a log that is not kept, nor among checkpoints that are not kept.

    So what is logged, and ``ckpt.top_k``, change no byte of it.
    """
    return replace(checkpoint, place=replace(checkpoint.place, journal_bytes=0, journal_sha256="", best_epochs=[]))


def stage_data(params: Params, stage: int) -> DataParams:
    """Section ``data`` of a training stage: what the stages before it made, whatever a training by hand reads."""
    made = {
        "data_root": STORE,
        "train_ids": ids_file("train_pool"),
        "val_ids": ids_file("val_fixed"),
        "norm_stats": NORM_STATS,
    }
    by_stage = {key: str(path) for key, path in made.items()} | {"num_train": params.stages.sizes[stage - 1]}
    return params.data.model_copy(update=by_stage)
