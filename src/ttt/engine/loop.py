"""The training loop: epochs, validation, checkpoints, and an exact way back into any of it."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
import yaml
from filelock import FileLock, Timeout
from torch.amp.grad_scaler import GradScaler
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from ttt.config import ConfigError
from ttt.engine.checkpoint import (
    Checkpoint,
    CheckpointError,
    code_version,
    keep_previous,
    load_checkpoint,
    load_weights,
    random_states,
    restore_random_states,
    save_checkpoint,
    spec_mapping,
)
from ttt.engine.evaluate import evaluate, pick_device
from ttt.engine.feeding import epoch_order, feed, in_batches
from ttt.engine.journal import Journal
from ttt.engine.schedule import is_stepped_each_step, move_to_rate, restart_rates
from ttt.engine.task import Batch, Task
from ttt.files import write_text
from ttt.parts import OPTIMIZERS, SCHEDULERS
from ttt.settings import TrainingConfig

LAST, BEST, PREVIOUS = "last.pth", "best.pth", "last.previous.pth"
JOURNAL = "metrics.jsonl"


@dataclass(frozen=True)
class Fresh:
    """Begin anew; with ``init_weights``, from the model of another checkpoint."""

    init_weights: Path | None = None


@dataclass(frozen=True)
class Resume:
    """Go on from a checkpoint of the same run."""

    source: Literal["last", "best"] = "last"
    new_lr: bool = False
    """Keep the optimizer's moments, but go on at the configuration's learning rate."""
    reset_scheduler: bool = False
    """Build the schedule anew from the configuration, over the epochs that are left."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to."""

    best_score: float
    best_epoch: int
    epochs: int
    best: Path
    last: Path


@dataclass
class Progress:
    """Where a training is: the place in the data, the sums of the epoch under way, the best score so far."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    samples: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best_score: float | None = None
    best_epoch: int = 0
    journal_bytes: int = 0


class Interrupted(Exception):
    """The training was asked to stop; its state is saved."""

    def __init__(self, signal_number: int, path: Path) -> None:
        self.signal = signal_number
        super().__init__(f"stopped by {signal.Signals(signal_number).name}; the state is saved in {path}")


class TrainingDivergedError(ArithmeticError):
    """The loss is not a finite number any more."""


class RunBusyError(RuntimeError):
    """Another trainer writes to the same run folder."""


def fit(task: Task, config: TrainingConfig, run_dir: Path, start: Fresh | Resume) -> Outcome:
    """Train ``task`` in ``run_dir`` until all epochs are done or no epoch improves any more.

    Raises:
        CheckpointError: nothing to resume from, or what is there belongs to another model or other data.
        Interrupted: SIGINT or SIGTERM came; ``last.pth`` holds the state.
        RunBusyError: another trainer holds ``run_dir``.
        TrainingDivergedError: the loss became NaN or infinite; ``best.pth`` holds the best model before.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run_dir / ".lock", timeout=0), _signals_noted() as signals:
            return _Trainer(task, config, run_dir, start, signals).run()
    except Timeout:
        raise RunBusyError(f"another trainer works in {run_dir}; wait for it, or use another run folder") from None


class _Trainer:
    """The state of one call of `fit`."""

    def __init__(
        self, task: Task, config: TrainingConfig, run_dir: Path, start: Fresh | Resume, signals: list[int]
    ) -> None:
        self.task, self.config, self.run_dir, self.signals = task, config, run_dir, signals
        self.device = pick_device(config.device)
        self.dtype = torch.float16 if config.amp.dtype == "float16" else torch.bfloat16
        if config.amp.enabled and self.dtype is torch.float16 and self.device.type != "cuda":
            raise ConfigError(config.source, ["amp.dtype: float16 needs device: cuda; use bfloat16"])
        task.loss.to(self.device)
        self.steps_per_epoch = -(-len(task.train) // config.train.batch_size)
        parameters = [parameter for parameter in task.model.parameters() if parameter.requires_grad]
        self.optimizer = OPTIMIZERS.build(config.optim, parameters=parameters)
        self.scaler = GradScaler(self.device.type, enabled=config.amp.enabled and self.dtype is torch.float16)
        self.progress = Progress()
        self.logs_next_step = False
        self.scheduler: LRScheduler | None
        if isinstance(start, Fresh):
            if start.init_weights is not None:
                load_weights(task.model, load_checkpoint(start.init_weights), start.init_weights)
            self.scheduler = self._build_scheduler(config.train.epochs)
        else:
            self._resume(start)
        self.journal = Journal(run_dir / JOURNAL, self.progress.journal_bytes)
        write_text(run_dir / "config.resolved.yaml", yaml.safe_dump(config.to_mapping(), sort_keys=False))

    def run(self) -> Outcome:
        """All epochs that are left."""
        try:
            while self.progress.epoch < self.config.train.epochs and not self._has_stalled():
                self._train_epoch()
                self._finish_epoch()
        finally:
            self.journal.close()
        done = self.progress
        assert done.best_score is not None
        return Outcome(done.best_score, done.best_epoch, done.epoch, self.run_dir / BEST, self.run_dir / LAST)

    def _build_scheduler(self, epochs: int) -> LRScheduler | None:
        return SCHEDULERS.build(
            self.config.scheduler, optimizer=self.optimizer, epochs=epochs, steps_per_epoch=self.steps_per_epoch
        )

    def _has_stalled(self) -> bool:
        patience = self.config.train.early_stop
        return patience is not None and self.progress.epoch - self.progress.best_epoch >= patience > 0

    def _train_epoch(self) -> None:
        progress, config = self.progress, self.config
        order = epoch_order(len(self.task.train), config.seed, progress.epoch)
        batches = in_batches(order, config.train.batch_size)[progress.batch :]
        self.task.loss.train()
        sums: dict[str, torch.Tensor] = {
            name: torch.tensor(value, dtype=torch.float64, device=self.device)
            for name, value in progress.sums.items()
        }
        bar = tqdm(
            total=len(order),
            initial=progress.samples,
            desc=f"epoch {progress.epoch + 1}/{config.train.epochs}",
            unit="sample",
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
            leave=False,
        )
        started, before = time.perf_counter(), progress.samples
        with bar:
            for batch in feed(self.task.train, batches, config.train.num_workers):
                lr = float(self.optimizer.param_groups[0]["lr"])
                terms = self._step(batch.to(self.device))
                count = len(batch.x)
                for name, term in terms.items():
                    sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64, device=self.device)) + term * count
                progress.batch += 1
                progress.step += 1
                progress.samples += count
                self._log_step(terms["loss"], lr, bar)
                bar.update(count)
                self._save_where_due(sums)
        progress.sums = {name: float(value) for name, value in sums.items()}
        self._log_time(time.perf_counter() - started, progress.samples - before)

    def _step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """One optimizer step; the loss and its parts in float64, still on the device."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.config.amp.enabled):
            loss, parts = self.task.loss(batch)
        if self.device.type == "cpu" and not bool(torch.isfinite(loss)):
            raise TrainingDivergedError(
                f"the loss is {float(loss)} at step {self.progress.step + 1}; lower optim.lr or set train.grad_clip"
            )
        self.scaler.scale(loss).backward()
        if self.config.train.grad_clip is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.task.model.parameters(), self.config.train.grad_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.scheduler is not None and is_stepped_each_step(self.scheduler):
            self.scheduler.step()
        return {"loss": loss.detach().double()} | {name: part.detach().double() for name, part in parts.items()}

    def _log_step(self, loss: torch.Tensor, lr: float, bar: "tqdm[Any]") -> None:
        step = self.progress.step
        if self.logs_next_step or self.progress.batch == 1 or step % self.config.train.log_every == 0:
            self.logs_next_step = False
            value = float(loss)
            self.journal.write(
                {"kind": "step", "step": step, "epoch": self.progress.epoch + 1, "loss": value, "lr": lr}
            )
            bar.set_postfix(loss=f"{value:.4g}", lr=f"{lr:.3g}", refresh=False)

    def _save_where_due(self, sums: dict[str, torch.Tensor]) -> None:
        every = self.config.ckpt.every_steps
        due = every > 0 and self.progress.step % every == 0
        if self.signals or due:
            self.progress.sums = {name: float(value) for name, value in sums.items()}
            self._save(LAST)
        if self.signals:
            raise Interrupted(self.signals[0], self.run_dir / LAST)

    def _finish_epoch(self) -> None:
        """Validate, note the best, and save a state that is complete."""
        progress, config = self.progress, self.config
        figures = evaluate(
            self.task.model,
            self.task.val,
            self.task.metrics(),
            config.train.eval_batch_size,
            self.device,
            self.task.loss,
        )
        means = {f"train_{name}": total / progress.samples for name, total in progress.sums.items()}
        if not all(value == value and abs(value) != float("inf") for value in means.values()):
            raise TrainingDivergedError(
                f"the loss of epoch {progress.epoch + 1} is not finite; lower optim.lr or set train.grad_clip"
            )
        lr = float(self.optimizer.param_groups[0]["lr"])
        record = means | {"val_loss": figures.pop("loss")} | figures
        if config.ckpt.monitor not in record:
            raise ConfigError(
                config.source,
                [f"ckpt.monitor: '{config.ckpt.monitor}' is not computed; allowed: {', '.join(record)}"],
            )
        if self.scheduler is not None and not is_stepped_each_step(self.scheduler):
            self.scheduler.step()
        progress.epoch += 1
        progress.batch, progress.samples, progress.sums = 0, 0, {}
        improved = self._note_score(record[config.ckpt.monitor])
        self.journal.write(
            {"kind": "epoch", "epoch": progress.epoch, "step": progress.step, "lr": lr}
            | record
            | {"best_score": progress.best_score}
        )
        if improved:
            self._save(BEST)
        self._save(LAST)
        if self.signals:
            raise Interrupted(self.signals[0], self.run_dir / LAST)

    def _note_score(self, score: float) -> bool:
        progress = self.progress
        sign = 1 if self.config.ckpt.mode == "min" else -1
        improved = progress.best_score is None or sign * score < sign * progress.best_score
        if improved:
            progress.best_score, progress.best_epoch = score, progress.epoch
        return improved

    def _save(self, name: str) -> None:
        self.progress.journal_bytes = self.journal.sync()
        checkpoint = Checkpoint(
            config=_comparable(self.config.to_mapping()),
            spec=spec_mapping(self.task.spec),
            code=code_version(),
            data=self._fingerprints(),
            model=self.task.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            scheduler=None if self.scheduler is None else self.scheduler.state_dict(),
            scaler=self.scaler.state_dict(),
            random=random_states(),
            progress=asdict(self.progress),
        )
        if name == LAST:
            keep_previous(self.run_dir / LAST, self.run_dir / PREVIOUS)
        save_checkpoint(self.run_dir / name, checkpoint)

    def _resume(self, start: Resume) -> None:
        path, checkpoint = self._find(start)
        self._refuse_other(checkpoint, path)
        load_weights(self.task.model, checkpoint, path)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.scaler.load_state_dict(checkpoint.scaler)
        restore_random_states(checkpoint.random)
        known = {item.name for item in fields(Progress)}
        self.progress = Progress(**{key: value for key, value in checkpoint.progress.items() if key in known})
        lr = self.config.optim.lr  # type: ignore[attr-defined]
        if start.reset_scheduler:
            restart_rates(self.optimizer, lr)
            self.scheduler = self._build_scheduler(max(1, self.config.train.epochs - self.progress.epoch))
        else:
            self._restore_scheduler(checkpoint, path)
            if start.new_lr:
                move_to_rate(self.optimizer, self.scheduler, lr)
        self.logs_next_step = start.new_lr or start.reset_scheduler

    def _find(self, start: Resume) -> tuple[Path, Checkpoint]:
        if start.source == "best":
            return self.run_dir / BEST, load_checkpoint(self.run_dir / BEST)
        last, previous = self.run_dir / LAST, self.run_dir / PREVIOUS
        try:
            return last, load_checkpoint(last)
        except CheckpointError as error:
            if not (last.exists() and previous.exists()):
                raise
            tqdm.write(f"warning: {error}; going on from {previous}", file=sys.stderr)
            return previous, load_checkpoint(previous)

    def _restore_scheduler(self, checkpoint: Checkpoint, path: Path) -> None:
        before, now = checkpoint.config, _comparable(self.config.to_mapping())
        same = before["scheduler"] == now["scheduler"] and (
            before["train"]["epochs"] == now["train"]["epochs"] or now["scheduler"]["name"] in ("none", "step")
        )
        if not same:
            raise CheckpointError(
                f"{path}: its schedule is {before['scheduler']} over {before['train']['epochs']} epochs, but the "
                f"configuration says {now['scheduler']} over {now['train']['epochs']}; add --resume_reset_scheduler"
            )
        rates = [dict(group) for group in self.optimizer.param_groups]
        for group in self.optimizer.param_groups:
            group.pop("initial_lr", None)
        self.scheduler = self._build_scheduler(self.config.train.epochs)
        if self.scheduler is not None and checkpoint.scheduler is not None:
            self.scheduler.load_state_dict(checkpoint.scheduler)
        for group, saved in zip(self.optimizer.param_groups, rates, strict=True):
            group.update({key: value for key, value in saved.items() if key != "params"})

    def _refuse_other(self, checkpoint: Checkpoint, path: Path) -> None:
        """Raise CheckpointError where the checkpoint's model or data are not the present ones."""
        now = _comparable(self.config.to_mapping())
        differences = [
            *_differences("model", checkpoint.config["model"], now["model"]),
            *_differences("spec", checkpoint.spec, spec_mapping(self.task.spec)),
            *_differences("data", checkpoint.data, self._fingerprints()),
        ]
        if checkpoint.progress["batch"]:
            for key in ("seed", "train.batch_size"):
                first, _, second = key.partition(".")
                values = [mapping[first][second] if second else mapping[first] for mapping in (checkpoint.config, now)]
                if values[0] != values[1]:
                    differences.append(f"{key}: {values[0]!r} then, {values[1]!r} now, in the middle of an epoch")
        if differences:
            raise CheckpointError("\n  ".join([f"{path}: belongs to another training", *differences]))

    def _fingerprints(self) -> dict[str, str]:
        return {"train": self.task.train.fingerprint, "val": self.task.val.fingerprint}

    def _log_time(self, seconds: float, samples: int) -> None:
        """Durations go to a file of their own, so that ``metrics.jsonl`` is the same each time."""
        rate = samples / seconds if seconds else 0.0
        with (self.run_dir / "timing.csv").open("a", encoding="utf-8") as file:
            file.write(f"{self.progress.epoch + 1},{seconds:.3f},{rate:.1f}\n")


def _comparable(mapping: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what names places of one machine."""
    return mapping | {"ckpt": mapping["ckpt"] | {"run_dir": None}}


def _differences(path: str, before: Any, now: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return [
            line
            for key in keys
            for line in _differences(f"{path}.{key}", before.get(key, "nothing"), now.get(key, "nothing"))
        ]
    return [] if before == now else [f"{path}: {before!r} then, {now!r} now"]


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM are noted in the list, for the loop to stop at the next step."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
