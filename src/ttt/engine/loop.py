"""The training loop: one for every way in which a training is started, stopped and taken up again."""

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor, nn

from ttt.engine.batches import Feed, RankBatch
from ttt.engine.checkpoint import load_checkpoint, load_weights, save_checkpoint, to_bytes
from ttt.engine.compiled import LossOf, compiled
from ttt.engine.errors import DivergedError, Interrupted, TrainingError
from ttt.engine.evaluate import evaluate, resolve_device
from ttt.engine.journal import Journal, NoJournal
from ttt.engine.journal_cut import bytes_until
from ttt.engine.moving_buffers import MovingBuffers
from ttt.engine.on_device import on_device
from ttt.engine.optional_protocols import Calibrated, Encodes, Prepared
from ttt.engine.randomness import random_states, repeatable_algorithms, undisturbed
from ttt.engine.ranks import Ranks, present_ranks
from ttt.engine.run_folder import RunFolder
from ttt.engine.start import NewRun, Resume, Start, begin_together, refuse_unknown_monitor
from ttt.engine.state import TrainingState
from ttt.engine.stopping import StopRequest, StopRequested, stop_signals
from ttt.engine.task import Batch, Task
from ttt.engine.watching import Records, Unwatched, Watch
from ttt.log import LOG
from ttt.memo import Memo
from ttt.settings import TrainingConfig

__all__ = ["Interrupted", "NewRun", "Outcome", "Resume", "Start", "fit"]


@dataclass(frozen=True)
class Outcome:
    """The result of a training."""

    best_score: float
    best_epoch: int
    epochs_run: int
    """Epochs of this call; 0 where the training was complete already."""
    best: Path
    last: Path
    journal: Path


def fit(
    task: Task,
    config: TrainingConfig,
    run_dir: Path,
    start: Start,
    memo: Memo | None = None,
    accepted: Callable[[], None] | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Train until ``train.epochs`` are done or ``train.early_stop`` says so; the results are in ``run_dir``.

    ``memo`` keeps what a model computes once a sample; without one it is computed anew by every call. ``accepted`` is
    called, in the first process, once nothing can refuse the training any more: it may write into ``run_dir``.
    ``watch`` is told how it goes.

    Raises TrainingError (see `ttt.engine.errors`) and ConfigError with a sentence for the user; whatever stops the
    training, it can be resumed from the last checkpoint and ends with the same bytes.
    """
    folder, ranks = RunFolder(run_dir), present_ranks()
    device = resolve_device(config.device)
    with ranks.holding(folder.locked()), stop_signals() as stop, repeatable_algorithms():
        memo = (memo or Memo()).interruptible(stop.leave_if_asked)
        state = TrainingState(task, config, device)
        loss_of = compiled(task.loss, config, device)
        refuse_unknown_monitor(state)
        try:
            resumed = begin_together(state, folder, start, memo, ranks)
            state.task = _encoded(task, memo.shared(ranks.first))
            if config.train.on_device:
                state.task = on_device(state.task, device, stop.leave_if_asked)
        except StopRequested:
            raise Interrupted(stop.signal or signal.SIGTERM, 0, None) from None
        if not ranks.is_first:
            return _Training(
                state, loss_of, folder, NoJournal(), stop, ranks, watch or Unwatched(), log_next_step=False
            ).run()
        if accepted is not None:
            accepted()
        folder.write_config(config.to_mapping())
        with Journal(folder.journal, bytes_until(state.place, folder.journal)) as journal:
            if resumed is not None:
                journal.write("resume", resumed)
            log_next = resumed is not None
            outcome = _Training(state, loss_of, folder, journal, stop, ranks, watch or Unwatched(), log_next).run()
        _calibrate_best(state, folder)
        return outcome


def _encoded(task: Task, memo: Memo) -> Task:
    """The task with samples as its model takes them."""
    if not isinstance(task.model, Encodes):
        return task
    train = task.model.encoded(task.train, memo, with_targets=True)
    return replace(task, train=train, val=task.model.encoded(task.val, memo, with_targets=False))


def _calibrate_best(state: TrainingState, folder: RunFolder) -> None:
    """Let the best model learn how far it can be trusted, and keep that in best.pth."""
    model, task = state.task.model, state.task
    if not isinstance(model, Calibrated):
        return
    best = load_checkpoint(folder.best)
    load_weights(state.task.model, best, folder.best)
    model.calibrate(task.train, task.val, state.config.train.eval_batch_size)
    save_checkpoint(folder.best, to_bytes(replace(best, model=state.task.model.state_dict())))


class _Training:
    """A training under way."""

    def __init__(
        self,
        state: TrainingState,
        loss_of: LossOf,
        folder: RunFolder,
        journal: Journal | NoJournal,
        stop: StopRequest,
        ranks: Ranks,
        watch: Watch,
        log_next_step: bool,
    ) -> None:
        self._state, self._folder, self._journal, self._stop = state, folder, journal, stop
        self._loss_of, self._ranks, self._watch = loss_of, ranks, watch
        self._task, self._config, self._device = state.task, state.config, state.device
        self._log_next_step = log_next_step
        train, samples = self._config.train, self._task.train
        self._buffers = MovingBuffers(self._task.model, ranks)
        self._leaves = False
        self._feed = Feed(samples, train.batch_size, self._config.seed, train.num_workers, self._device, ranks)
        done = state.place.epoch * len(samples) + state.sums.num_samples
        watch.start(self._config, folder.path, len(samples), done, is_first=ranks.is_first)
        self._started, self._saving = time.monotonic(), 0.0

    def run(self) -> Outcome:
        """Train epoch after epoch."""
        place, first = self._state.place, self._state.place.epoch
        try:
            if isinstance(self._task.model, Prepared) and not place.is_judged and place.step == 0:
                self._validate_start()
            while not self._is_complete():
                self._run_epoch()
        finally:
            self._watch.close()
        if not self._ranks.is_first:
            LOG.debug("process %d of %d has done its part", self._ranks.rank + 1, self._ranks.size)
        elif place.epoch == first:
            LOG.info("nothing left to train: %s", self._why_complete())
        else:
            share = self._saving / (time.monotonic() - self._started)
            LOG.info("saving checkpoints took %.2f s, %.1f %% of the time", self._saving, 100 * share)
        if place.best_score is None:
            raise TrainingError(f"no epoch had a finite {self._config.ckpt.monitor}: there is no best model")
        files = self._folder
        return Outcome(place.best_score, place.best_epoch, place.epoch - first, files.best, files.last, files.journal)

    def _is_complete(self) -> bool:
        return bool(self._why_complete())

    def _why_complete(self) -> str:
        place, train = self._state.place, self._config.train
        if not self._state.has_parameters:
            return "the model has nothing that is learned step by step"
        if place.epoch >= train.epochs:
            return f"{place.epoch} of {train.epochs} epochs are done; train.epochs (--epochs) sets how many"
        waited = place.epoch - place.gain_epoch
        if train.early_stop is not None and waited >= train.early_stop:
            least = f" by {train.early_stop_min_gain:.3g} of the score" if train.early_stop_min_gain else ""
            return f"train.early_stop: no better score{least} for {waited} epochs"
        return ""

    def _validate_start(self) -> None:
        """Validate what was learned in closed form: the first candidate for the best model."""
        figures = {f"val_{name}": value for name, value in self._validate().items()}
        place, monitor = self._state.place, self._config.ckpt.monitor
        place.is_judged = True
        is_best = monitor in figures and self._take_score(figures[monitor])
        facts = {"epoch": 0, "step": 0, "lr": 0.0, "train_loss": math.nan, **figures}
        self._journal.write("epoch", facts | {"best_score": place.best_score, "best_epoch": 0})
        self._save(is_best)
        LOG.info("before the first step: %s", ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))

    def _run_epoch(self) -> None:
        place = self._state.place
        started = time.monotonic()
        self._task.model.train()
        self._task.loss.train()
        self._watch.start_epoch(place.epoch + 1, self._state.sums.num_samples)
        for share in self._feed.epoch(place.epoch + 1, place.batch):
            self._step(share)
            self._after_step(share.of)
        self._refuse_divergence()
        self._refuse_spoilt_weights()
        figures = self._validate()
        self._finish_epoch(figures)
        self._note_duration("epoch", time.monotonic() - started, epoch=place.epoch)

    def _step(self, share: RankBatch) -> None:
        """One optimizer step; nothing in it waits for the device, but for other processes where there are any."""
        state, amp = self._state, self._config.amp
        optimizer, scaler = state.optimizer, state.scaler
        state.place.lr = optimizer.param_groups[0]["lr"]
        self._buffers.before_step()
        with torch.autocast(self._device.type, getattr(torch, amp.dtype), enabled=amp.enabled):
            loss, parts = self._loss_of(share.batch)
        weight = self._ranks.weight(share.of)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss * weight).backward()  # type: ignore[no-untyped-call]
        self._buffers.after_gradients(weight)
        loss, parts = self._total(loss.detach() * weight, {name: part * weight for name, part in parts.items()})
        if self._config.train.grad_clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self._task.model.parameters(), self._config.train.grad_clip)
        scaler.step(optimizer)
        if not scaler.is_enabled() or _update_says_stepped(scaler):
            state.schedule.advance("step")
        state.sums.add(loss, parts, share.of)
        state.place.step += 1
        state.place.batch += 1
        self._loss = loss

    def _total(self, loss: Tensor, parts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum gradients and losses over all processes, and hear whether any of them was asked to stop.

        A parameter without a gradient in one process has that of the others; without one in any, it stays without.
        """
        if self._ranks.size == 1:
            return loss, parts
        parameters = [parameter for group in self._state.optimizer.param_groups for parameter in group["params"]]
        facts = [self._stop.signal is not None, *(parameter.grad is not None for parameter in parameters)]
        counts = torch.tensor(facts, dtype=torch.float32, device=loss.device)
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
        loss, counts, *rest = self._ranks.total(gradients, [loss, counts, *parts.values()])
        asked, *owners = counts.tolist()
        for parameter, gradient, count in zip(parameters, gradients, owners, strict=True):
            parameter.grad = gradient if count else None
        self._leaves = asked > 0
        return loss, dict(zip(parts, rest, strict=True))

    def _after_step(self, samples: int) -> None:
        """Log, show, save and stop where it is time to."""
        place, config = self._state.place, self._config
        if place.step % config.train.log_every == 0 or place.batch == 1 or self._log_next_step:
            self._log_next_step = False
            self._refuse_divergence()
            record = {"epoch": place.epoch + 1, "step": place.step, "lr": place.lr, "loss": float(self._loss)}
            self._journal.write("step", record)
        self._watch.after_step(place, samples, lambda: float(self._loss))
        is_last = place.batch == self._state.batches_per_epoch
        if config.ckpt.every_steps and place.step % config.ckpt.every_steps == 0 and not is_last:
            self._save()
        if self._leaves if self._ranks.size > 1 else self._stop.signal is not None:
            self._save_and_leave()

    def _validate(self) -> dict[str, float]:
        figures = self._ranks.first(self._validated)
        return figures if figures is not None else self._save_and_leave()

    def _validated(self) -> dict[str, float] | None:
        """The figures on the validation samples; None where someone asked to stop."""
        task, size, latest = self._task, self._config.train.eval_batch_size, _Latest()
        try:
            with undisturbed(self._device):
                metrics, stop = [latest, *task.metrics()], self._stop.leave_if_asked
                return evaluate(task.model, task.val, metrics, size, self._device, task.loss, stop)
        except StopRequested:
            return None
        except Exception:
            if latest.is_finite():
                raise
            self._diverged("a prediction for the validation samples became NaN or infinite")

    def _finish_epoch(self, val: dict[str, float]) -> None:
        """Take the epoch's score, write it down, and save; `TrainingProgress` is complete before it is saved."""
        self._refuse_divergence()
        state, place, config = self._state, self._state.place, self._config
        figures = {f"train_{name}": value for name, value in state.sums.means().items()}
        figures |= {f"val_{name}": value for name, value in val.items()}
        score = figures[config.ckpt.monitor]
        place.epoch, place.batch = place.epoch + 1, 0
        is_best = self._take_score(score)
        state.sums.restore(0, {})
        state.schedule.advance("epoch")
        facts = {"epoch": place.epoch, "step": place.step, "lr": place.lr, **figures}
        self._journal.write("epoch", facts | {"best_score": place.best_score, "best_epoch": place.best_epoch})
        self._note_alerts(self._watch.alerts(place, figures))
        self._save(is_best)
        self._watch.end_epoch(place, figures)

    def _save(self, is_best: bool = False) -> None:
        """Save the state as last.pth, and before that as best.pth: what last.pth says of it is then true."""
        self._refuse_divergence()
        self._refuse_spoilt_weights()
        self._state.random_of_others = self._ranks.gathered(random_states(self._device))[1:]
        if not self._ranks.is_first:
            return
        started = time.monotonic()
        self._journal.sync()
        place = self._state.place
        place.journal_bytes, place.journal_sha256 = self._journal.size, self._journal.sha256
        content = to_bytes(self._state.checkpoint())
        if is_best:
            save_checkpoint(self._folder.best, content)
        save_checkpoint(self._folder.last, content, self._folder.previous)
        seconds = time.monotonic() - started
        self._saving += seconds
        self._note_duration("save", seconds, step=place.step, bytes=len(content))

    def _save_and_leave(self) -> NoReturn:
        self._save()
        raise Interrupted(self._stop.signal or signal.SIGTERM, self._state.place.step, self._folder.last)

    def _take_score(self, score: float) -> bool:
        """Note the score of the present epoch where it is the best so far; whether it is."""
        place, mode = self._state.place, self._config.ckpt.mode
        if _is_better(score, place.gain_score, mode, self._config.train.early_stop_min_gain):
            place.gain_score, place.gain_epoch = score, place.epoch
        if not _is_better(score, place.best_score, mode):
            return False
        place.best_score, place.best_epoch = score, place.epoch
        return True

    def _refuse_divergence(self) -> None:
        if not self._state.sums.is_finite():
            loss = self._state.sums.values()["loss"]
            self._diverged(f"the training loss became {loss}", loss)

    def _refuse_spoilt_weights(self) -> None:
        """Find weights that the last step has spoilt, which the next step's loss would show."""
        spoilt = self._state.spoilt_weights()
        if spoilt:
            self._diverged(f"the weights {spoilt} became NaN or infinite")

    def _diverged(self, what: str, loss: float | None = None) -> NoReturn:
        place = self._state.place
        self._note_alerts(self._watch.alerts(place, {"train_loss": math.nan if loss is None else loss}, what))
        if place.step == 0:
            raise DivergedError(f"{what} before the first step: look for bad training samples")
        raise DivergedError(
            f"{what} at step {place.step} or shortly before; {self._folder.last} is "
            "from before that: lower optim.lr (--resume --lr), set train.grad_clip, or look for bad samples"
        )

    def _note_alerts(self, alerts: Records) -> None:
        for alert in alerts:
            self._journal.write("alert", alert)

    def _note_duration(self, what: str, seconds: float, **facts: float) -> None:
        if self._ranks.is_first:
            self._folder.note_duration(what, seconds, **facts)


class _Latest:
    """Holds the last prediction that was evaluated, to tell why a metric refuses it."""

    def __init__(self) -> None:
        self._prediction: Tensor | None = None

    def update(self, prediction: Tensor, _: Batch) -> None:
        self._prediction = prediction

    def compute(self) -> dict[str, float]:
        return {}

    def is_finite(self) -> bool:
        return self._prediction is None or bool(self._prediction.isfinite().all())


def _update_says_stepped(scaler: torch.amp.GradScaler) -> bool:
    """Update the scale; it falls where gradients overflowed and the optimizer therefore did not step."""
    before = scaler.get_scale()
    scaler.update()
    return scaler.get_scale() >= before


def _is_better(score: float, best: float | None, mode: str, least_gain: float = 0.0) -> bool:
    """Whether a score is better than ``best``, by more than ``least_gain`` times that where it is given."""
    if not math.isfinite(score):
        return False
    if best is None:
        return True
    gain = best - score if mode == "min" else score - best
    return gain > least_gain * abs(best)
