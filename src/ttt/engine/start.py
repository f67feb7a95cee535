"""How a training starts: fresh, or from a checkpoint with all that may be changed on the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ttt.config import ConfigError, changes, unknown_key
from ttt.engine.checkpoint import Checkpoint, from_bytes, load_checkpoint, load_weights, save_checkpoint, to_bytes
from ttt.engine.errors import CheckpointError, TrainingError
from ttt.engine.evaluate import evaluate
from ttt.engine.head import head_of
from ttt.engine.optional_protocols import Prepared
from ttt.engine.randomness import undisturbed
from ttt.engine.ranks import Ranks
from ttt.engine.run_folder import RunFolder
from ttt.engine.state import TrainingState
from ttt.log import LOG
from ttt.memo import Memo
from ttt.settings import TrainingConfig


@dataclass(frozen=True)
class NewRun:
    """Start with new weights, or with those of another training's checkpoint."""

    init_weights: Path | None = None


@dataclass(frozen=True)
class Resume:
    """Go on where a training was, with everything as it was but for what is asked for here."""

    source: Literal["last", "best"] = "last"
    new_lr: bool = False
    """Set the learning rate to the configuration's ``optim.lr``; the schedule goes on from it."""
    reset_scheduler: bool = False
    """Build the schedule anew from the configuration, over what is left of the training."""


Start = NewRun | Resume


def begin(state: TrainingState, folder: RunFolder, start: Start, memo: Memo) -> dict[str, Any] | None:
    """Bring ``state`` and the checkpoints in ``folder`` to where the training begins.

    Returns what the journal should say about a resume that is more than going on, and raises TrainingError
    where the training cannot start this way; the folder is then as it was.
    """
    if isinstance(start, NewRun):
        _begin_new_run(state, folder, start, memo)
        return None
    return _begin_from_checkpoint(state, folder, start)


def begin_together(
    state: TrainingState, folder: RunFolder, start: Start, memo: Memo, ranks: Ranks
) -> dict[str, Any] | None:
    """`begin` in the first process, and bring the others to where it is, but for their random numbers."""
    resumed, content = ranks.first(lambda: (begin(state, folder, start, memo), to_bytes(state.checkpoint())))
    if not ranks.is_first:
        restarts = isinstance(start, Resume) and start.reset_scheduler
        state.restore(from_bytes(content, folder.last), folder.last, with_schedule=not restarts)
        if restarts:
            state.restart_schedule()
        state.draw_apart(ranks.rank)
    return resumed


def refuse_unknown_monitor(state: TrainingState) -> None:
    """Evaluate a batch before hours of training, to see whether the monitored figure is among the results.

    Raises ConfigError where it is not.
    """
    task, config = state.task, state.config
    few = head_of(task.val, config.train.eval_batch_size)
    with undisturbed(state.device):
        figures = evaluate(task.model, few, task.metrics(), len(few), state.device, task.loss)
    names = ["train_loss", *(f"val_{name}" for name in figures)]
    if config.ckpt.monitor not in names:
        raise ConfigError(config.source, [unknown_key("ckpt.monitor", config.ckpt.monitor, names)])


def _begin_new_run(state: TrainingState, folder: RunFolder, start: NewRun, memo: Memo) -> None:
    if folder.last.exists() or folder.best.exists():
        raise TrainingError(f"{folder.path}: holds a training already; resume it (--resume), or choose another folder")
    if start.init_weights is not None:
        load_weights(state.task.model, load_checkpoint(start.init_weights), start.init_weights)
    if isinstance(state.task.model, Prepared):
        state.task.model.prepare(state.task.train, memo)
    if state.average is not None:
        state.average.restart()
    save_checkpoint(folder.last, to_bytes(state.checkpoint()))


def _begin_from_checkpoint(state: TrainingState, folder: RunFolder, start: Resume) -> dict[str, Any] | None:
    path = folder.best if start.source == "best" else folder.last
    checkpoint = load_checkpoint(path) if start.source == "best" else _load_last(folder)
    if checkpoint.place.best_score is not None and not folder.best.exists():
        raise CheckpointError(f"{folder.best}: is missing, though {path.name} says it was saved; put it back")
    _refuse_another_training(checkpoint, state, path, start)
    state.restore(checkpoint, path, with_schedule=not start.reset_scheduler)
    _set_rate(state, checkpoint, start)
    if start == Resume("last"):
        return None
    # From here on last.pth is this state: a kill at any moment cannot lead back to the old course.
    save_checkpoint(folder.last, to_bytes(state.checkpoint()), folder.previous)
    rate = state.optimizer.param_groups[0]["lr"]
    schedule = "new" if start.reset_scheduler else "continued"
    place = state.place
    return {"epoch": place.epoch, "step": place.step, "from": path.name, "lr": rate, "schedule": schedule}


def _set_rate(state: TrainingState, checkpoint: Checkpoint, start: Resume) -> None:
    """Bring learning rate and schedule, restored as they were, to what the start asks for."""
    wanted, place = state.config.learning_rate, state.place
    if start.new_lr:
        place.base_lr = wanted
    elif wanted != place.base_lr:
        LOG.warning(
            "optim.lr is %g, but the training goes on with %g as its base; --resume_new_lr takes the new one",
            *(wanted, place.base_lr),
        )
    if start.reset_scheduler:
        state.restart_schedule()
        return
    has_other_end = checkpoint.config["train"]["epochs"] != state.config.train.epochs
    if has_other_end and state.schedule_ends_early() and not (start.new_lr and state.schedule.left == 0):
        _stretch_schedule(state)
    elif has_other_end and state.schedule.length is not None:
        LOG.warning("the schedule still ends where it was to; --resume_reset_scheduler lays out a new one")
    if start.new_lr:
        state.schedule.rebase(state.optimizer, wanted)


def _stretch_schedule(state: TrainingState) -> None:
    """Have a schedule that would let the epochs that were added learn nothing end with them."""
    epochs, rate = state.config.train.epochs, state.schedule.last_rate(state.optimizer)
    if not state.stretch_schedule():
        raise TrainingError(
            f"the schedule ends before the {epochs} epochs of train.epochs (--epochs) do, at a learning rate of "
            f"{rate:.3g}, with which they would learn nothing; --resume_reset_scheduler lays out a new one over the "
            "epochs left"
        )
    LOG.warning(
        "the schedule, which ended at a learning rate of %.3g, goes on as if laid out for %d epochs from its start; "
        "--resume_reset_scheduler lays out a new one over the epochs left",
        *(rate, epochs),
    )


def _load_last(folder: RunFolder) -> Checkpoint:
    """The newest checkpoint; where it is damaged, the one before it, which then takes its place."""
    try:
        return load_checkpoint(folder.last)
    except CheckpointError as error:
        if not folder.previous.exists():
            raise
        checkpoint = load_checkpoint(folder.previous)
        LOG.warning("%s; going on from the checkpoint before it, at step %d", error, checkpoint.place.step)
        save_checkpoint(folder.last, folder.previous.read_bytes())
        return checkpoint


def _refuse_another_training(checkpoint: Checkpoint, state: TrainingState, path: Path, start: Resume) -> None:
    """Raise CheckpointError showing what differs; data are compared by content, so they may move."""
    now = state.identity
    if checkpoint.code != now["code"]:
        LOG.warning("%s was saved by another version of the code or of torch; bits may differ", path.name)
    config = changes(checkpoint.config, now["config"])
    found = [change for change in config if _is_fixed(change[0], state.config, start)]
    found += changes(checkpoint.spec, now["spec"], "data")
    if other := changes(checkpoint.fingerprints, now["fingerprints"], "samples"):
        found += [change for change in config if change[0].startswith("data.")] + other
    if found:
        lines = [f"{key}: {before} in the checkpoint, {after} now" for key, before, after in found]
        if any(key.startswith("scheduler.") for key, _, _ in found):
            lines.append("(--resume_reset_scheduler goes on with another scheduler)")
        listed = "\n  ".join(dict.fromkeys(lines))
        raise CheckpointError(f"{path}: its training cannot go on with another configuration:\n  {listed}")


def _is_fixed(key: str, config: TrainingConfig, start: Resume) -> bool:
    changeable = [*config.may_change(), *(["scheduler"] if start.reset_scheduler else [])]
    return not any(key == free or key.startswith(f"{free}.") for free in changeable)
