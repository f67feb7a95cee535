"""A run's folder: its files, and the lock that keeps a second trainer out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ttt.engine.errors import saving
from ttt.files import write_text
from ttt.locks import locked


@dataclass(frozen=True)
class RunFolder:
    """Where the files of a run are."""

    path: Path

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.path / "last.pth"

    @property
    def previous(self) -> Path:
        """The checkpoint before it, for the case that the newest is damaged."""
        return self.path / "last.previous.pth"

    @property
    def best(self) -> Path:
        """The checkpoint with the best score."""
        return self.path / "best.pth"

    def of_epoch(self, epoch: int) -> Path:
        """The checkpoint of an epoch, where it is among those that ``ckpt.top_k`` keeps."""
        return self.path / f"epoch_{epoch:04d}.pth"

    def epochs(self) -> list[Path]:
        """Those that are there."""
        return sorted(self.path.glob("epoch_[0-9][0-9][0-9][0-9]*.pth"))

    @property
    def journal(self) -> Path:
        """What happened, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def gauges(self) -> Path:
        """The present figures for Prometheus."""
        return self.path / "metrics.prom"

    @property
    def artifacts(self) -> Path:
        """Plots and what else belongs to the run."""
        return self.path / "artifacts"

    def write_config(self, mapping: dict[str, Any]) -> None:
        """Write ``config.resolved.yaml``: the configuration at its scale, the command line's values in it."""
        path = self.path / "config.resolved.yaml"
        with saving(path):
            write_text(path, yaml.safe_dump(mapping, sort_keys=False))

    def note_duration(self, what: str, seconds: float, **facts: float | str) -> None:
        """Add a line to ``timing.jsonl``, which alone holds durations: they differ from run to run."""
        line = {"kind": what, "seconds": round(seconds, 6), **facts}
        path = self.path / "timing.jsonl"
        with saving(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, made where there is none, against other trainers; leftovers of one are removed.

        Raises BusyError where another trainer has it.
        """
        self.artifacts.mkdir(parents=True, exist_ok=True)
        with locked(self.path / ".lock", f"{self.path}: another trainer works here; wait for it or stop it"):
            for pattern in (".*.pth.*", ".config.resolved.yaml.*", "metrics.prom.*"):
                for leftover in self.path.glob(pattern):
                    leftover.unlink()
            yield
