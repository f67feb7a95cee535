"""The training loop: one for every way in which a training is started, stopped and taken up again."""

import math
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from ttt.engine.alerts import Alert, alerts_of_epoch
from ttt.engine.all_loggers import AllLoggers
from ttt.engine.batches import Feed, RankBatch
from ttt.engine.best_epochs import present, ranked, remove_others
from ttt.engine.checkpoint import load_checkpoint, load_weights, save_as, save_checkpoint, to_bytes
from ttt.engine.compiled import LossOf, compiled
from ttt.engine.errors import DivergedError, Interrupted, TrainingError
from ttt.engine.evaluate import evaluate, resolve_device
from ttt.engine.joined_losses import JoinedLosses
from ttt.engine.journal import Journal, NoJournal
from ttt.engine.journal_cut import bytes_until
from ttt.engine.logger import Logger, Run
from ttt.engine.moving_buffers import MovingBuffers
from ttt.engine.on_device import on_device
from ttt.engine.optional_protocols import Calibrated, Encodes, Prepared
from ttt.engine.randomness import random_states, repeatable_algorithms, undisturbed
from ttt.engine.ranks import Ranks, present_ranks
from ttt.engine.run_folder import RunFolder
from ttt.engine.scores import AVERAGED, NOT_JUDGED, Verdict, better_of_both, is_better
from ttt.engine.start import NewRun, Resume, Start, begin_together, refuse_unknown_monitor
from ttt.engine.state import TrainingState
from ttt.engine.stopping import StopRequest, StopRequested, stop_signals
from ttt.engine.task import Batch, Task
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
    loggers: Sequence[Logger] = (),
) -> Outcome:
    """Train until ``train.epochs`` are done or ``train.early_stop`` says so; the results are in ``run_dir``.

    ``memo`` keeps what a model computes once a sample; without one it is computed anew by every call. ``accepted`` is
    called, in the first process, once nothing can refuse the training any more: it may write into ``run_dir``.
    ``loggers`` are told how it goes, in the first process.

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
                state, loss_of, folder, AllLoggers(NoJournal(), ()), stop, ranks, log_next_step=False
            ).run()
        if accepted is not None:
            accepted()
        folder.write_config(config.to_mapping())
        with Journal(folder.journal, bytes_until(state.place, folder.journal)) as journal:
            if resumed is not None:
                journal.write("resume", resumed)
            log, log_next = AllLoggers(journal, loggers), resumed is not None
            outcome = _Training(state, loss_of, folder, log, stop, ranks, log_next).run()
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
        log: AllLoggers,
        stop: StopRequest,
        ranks: Ranks,
        log_next_step: bool,
    ) -> None:
        self._state, self._folder, self._log, self._stop = state, folder, log, stop
        self._loss_of, self._ranks = loss_of, ranks
        self._task, self._config, self._device = state.task, state.config, state.device
        self._log_next_step = log_next_step
        train, samples = self._config.train, self._task.train
        self._buffers = MovingBuffers(self._task.model, ranks)
        self._leaves = False
        self._feed = Feed(
            samples, train.batch_size, self._config.seed, train.num_workers, self._device, ranks, train.accumulate
        )
        self._joined = JoinedLosses()
        state.place.best_epochs = present(state.place.best_epochs[: self._config.ckpt.top_k], folder)
        self._keep_best_epochs()
        done = state.place.epoch * len(samples) + state.sums.num_samples
        log.start(Run(self._config, folder, len(samples), done))
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
            self._log.end()
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
        figures = self._validate()
        place, monitor = self._state.place, self._config.ckpt.monitor
        place.is_judged = True
        verdict = self._take_score(figures[monitor]) if monitor in figures else NOT_JUDGED
        facts = {"epoch": 0, "step": 0, "lr": 0.0, "train_loss": math.nan, **figures}
        self._log.epoch(facts | self._best_so_far())
        self._save(verdict)

    def _run_epoch(self) -> None:
        place = self._state.place
        started = time.monotonic()
        self._task.model.train()
        self._task.loss.train()
        for share in self._feed.epoch(place.epoch + 1, place.batch):
            self._add_gradients(share)
            if share.ends_step:
                self._step(share.of_step)
                self._after_step(share.of_step)
        self._refuse_divergence()
        self._refuse_spoilt_weights()
        figures = self._validate()
        self._finish_epoch(figures)
        self._note_duration("epoch", time.monotonic() - started, epoch=place.epoch)

    def _add_gradients(self, share: RankBatch) -> None:
        """Add a batch's gradients to those of its step; nothing in it waits for the device, but for other processes."""
        amp = self._config.amp
        self._buffers.before_step()
        with torch.autocast(self._device.type, getattr(torch, amp.dtype), enabled=amp.enabled):
            loss, parts = self._loss_of(share.batch)
        in_batch = self._ranks.weight(share.of)
        in_step = in_batch * (share.of / share.of_step)
        if self._joined.is_empty:
            self._state.optimizer.zero_grad(set_to_none=True)
        self._state.scaler.scale(loss * in_step).backward()  # type: ignore[no-untyped-call]
        self._buffers.after_gradients(in_batch)
        self._joined.add(loss, parts, in_step)

    def _step(self, samples: int) -> None:
        """One optimizer step by the gradients of so many samples; it, too, waits for other processes alone."""
        state = self._state
        optimizer, scaler = state.optimizer, state.scaler
        state.place.lr = optimizer.param_groups[0]["lr"]
        loss, parts = self._total(*self._joined.taken())
        if self._config.train.grad_clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self._task.model.parameters(), self._config.train.grad_clip)
        scaler.step(optimizer)
        has_stepped = not scaler.is_enabled() or _update_says_stepped(scaler)
        if has_stepped:
            state.schedule.advance("step")
        state.sums.add(loss, parts, samples)
        state.place.step += 1
        state.place.batch += 1
        if has_stepped and state.average is not None:
            state.average.follow(state.place.step)
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
            self._log.step(record)
        self._log.batch(place, samples, lambda: float(self._loss))
        is_last = place.batch == self._state.steps_per_epoch
        if config.ckpt.every_steps and place.step % config.ckpt.every_steps == 0 and not is_last:
            self._save()
        if self._leaves if self._ranks.size > 1 else self._stop.signal is not None:
            self._save_and_leave()

    def _validate(self) -> dict[str, float]:
        figures = self._ranks.first(self._validated)
        return figures if figures is not None else self._save_and_leave()

    def _validated(self) -> dict[str, float] | None:
        """The figures of the weights, and of their average where there is one; None where someone asked to stop."""
        average, figures = self._state.average, self._figures("val_")
        if figures is None or average is None or self._state.place.step == 0:
            return figures
        with average.in_model():
            averaged = self._figures(f"{AVERAGED}val_")
        return None if averaged is None else figures | averaged

    def _figures(self, prefix: str) -> dict[str, float] | None:
        """The model's figures on the validation samples; None where someone asked to stop."""
        task, size, latest = self._task, self._config.train.eval_batch_size, _Latest()
        try:
            with undisturbed(self._device):
                metrics, stop = [latest, *task.metrics()], self._stop.leave_if_asked
                found = evaluate(task.model, task.val, metrics, size, self._device, task.loss, stop)
                return {f"{prefix}{name}": value for name, value in found.items()}
        except StopRequested:
            return None
        except Exception:
            if latest.is_finite():
                raise
            self._diverged("a prediction for the validation samples became NaN or infinite")

    def _finish_epoch(self, val: dict[str, float]) -> None:
        """Take the epoch's score, write it down, and save; `TrainingProgress` is complete before it is saved."""
        self._refuse_divergence()
        state, place = self._state, self._state.place
        figures = {f"train_{name}": value for name, value in state.sums.means().items()} | val
        place.epoch, place.batch = place.epoch + 1, 0
        score, is_average = better_of_both(figures, self._config.ckpt.monitor, self._config.ckpt.mode)
        verdict = self._take_score(score, is_average)
        state.sums.restore(0, {})
        state.schedule.advance("epoch", score)
        facts = {"epoch": place.epoch, "step": place.step, "lr": place.lr, **figures}
        self._log.epoch(facts | self._best_so_far())
        for alert in alerts_of_epoch(place, figures, self._config.alerts.patience):
            self._log.alert(asdict(alert))
        self._save(verdict)

    def _save(self, verdict: Verdict = NOT_JUDGED) -> None:
        """Save the state as last.pth, and before that as best.pth: what last.pth says of it is then true."""
        self._refuse_divergence()
        self._refuse_spoilt_weights()
        self._state.random_of_others = self._ranks.gathered(random_states(self._device))[1:]
        if not self._ranks.is_first:
            return
        started = time.monotonic()
        journal = self._log.journal
        journal.sync()
        place = self._state.place
        place.journal_bytes, place.journal_sha256 = journal.size, journal.sha256
        content = to_bytes(self._state.checkpoint())
        judged = to_bytes(self._state.checkpoint(averaged=True)) if verdict.is_average else content
        if verdict.is_best:
            save_checkpoint(self._folder.best, judged)
        if verdict.is_among_best:
            save_checkpoint(self._folder.of_epoch(place.epoch), judged)
        if verdict.is_best and not verdict.is_average:
            save_as(self._folder.last, self._folder.best, self._folder.previous)
        else:
            save_checkpoint(self._folder.last, content, self._folder.previous)
        self._keep_best_epochs()
        seconds = time.monotonic() - started
        self._saving += seconds
        self._note_duration("save", seconds, step=place.step, bytes=len(content))

    def _keep_best_epochs(self) -> None:
        """Remove the checkpoints of other epochs; call it when the last.pth that says which these are is saved."""
        if self._config.ckpt.top_k and self._ranks.is_first:
            remove_others(self._state.place.best_epochs, self._folder)

    def _save_and_leave(self) -> NoReturn:
        self._save()
        raise Interrupted(self._stop.signal or signal.SIGTERM, self._state.place.step, self._folder.last)

    def _best_so_far(self) -> dict[str, Any]:
        """What the log says of best.pth."""
        place = self._state.place
        best = {"best_score": place.best_score, "best_epoch": place.best_epoch}
        return best if self._state.average is None else best | {"best_is_average": int(place.best_is_average)}

    def _take_score(self, score: float, is_average: bool = False) -> Verdict:
        """Note the score of the present epoch where it is the best so far, or among the best."""
        place, mode, count = self._state.place, self._config.ckpt.mode, self._config.ckpt.top_k
        place.best_epochs = ranked(place.best_epochs, place.epoch, score, count, mode)
        if is_better(score, place.gain_score, mode, self._config.train.early_stop_min_gain):
            place.gain_score, place.gain_epoch = score, place.epoch
        is_best = is_better(score, place.best_score, mode)
        if is_best:
            place.best_score, place.best_epoch, place.best_is_average = score, place.epoch, is_average
        is_among_best = any(epoch == place.epoch for epoch, _ in place.best_epochs)
        return Verdict(is_best, is_among_best, is_average and (is_best or is_among_best))

    def _refuse_divergence(self) -> None:
        if not self._state.sums.is_finite():
            loss = self._state.sums.values()["loss"]
            self._diverged(f"the training loss became {loss}")

    def _refuse_spoilt_weights(self) -> None:
        """Find weights that the last step has spoilt, which the next step's loss would show."""
        spoilt = self._state.spoilt_weights()
        if spoilt:
            self._diverged(f"the weights {spoilt} became NaN or infinite")

    def _diverged(self, what: str) -> NoReturn:
        place = self._state.place
        self._log.alert(asdict(Alert("not_finite", place.epoch + 1, place.step, what)))
        if place.step == 0:
            raise DivergedError(f"{what} before the first step: look for bad training samples")
        raise DivergedError(
            f"{what} at step {place.step} or shortly before; {self._folder.last} is "
            "from before that: lower optim.lr (--resume --lr), set train.grad_clip, or look for bad samples"
        )

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
