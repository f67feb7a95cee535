"""Where the journal of a training that goes on is cut: at the checkpoint's place, whatever happened to the file."""

import hashlib
from pathlib import Path
from typing import Any

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.errors import saving
from ttt.engine.journal import lines_of, value_in
from ttt.files import write_bytes
from ttt.log import LOG


def bytes_until(place: TrainingProgress, path: Path) -> int:
    """The size of the journal in ``path`` up to ``place``.

    Where it does not begin with the bytes that the checkpoint counted (it went through another program, or was copied
    while the training went on), it is written anew: with these bytes, where only line ends or encoding have changed,
    else with its whole records up to ``place``. A warning says so.
    """
    if not place.journal_bytes:
        return 0
    content = path.read_bytes() if path.exists() else b""
    if _is_counted(content, place):
        return place.journal_bytes
    lines = lines_of(content)
    repaired = "\n".join(lines).encode()[: place.journal_bytes]
    if _is_counted(repaired, place):
        what = "is not as it was written, and gets its line ends and encoding back"
    else:
        kept, damaged = _whole_lines(lines, place)
        repaired = "".join(f"{line}\n" for line in kept).encode()
        is_short = len(repaired) < place.journal_bytes
        what = "lines of the training so far are missing from it" if is_short else "is not as it was written"
        what += f"; its {len(kept)} whole records up to step {place.step} are kept"
        what += f", {damaged} damaged lines are not" if damaged else ""
    if repaired != content[: place.journal_bytes] or len(repaired) < place.journal_bytes:
        with saving(path):
            write_bytes(path, repaired)
        LOG.warning("%s: %s", path, what)
    return len(repaired)


def _is_counted(content: bytes, place: TrainingProgress) -> bool:
    return hashlib.sha256(content[: place.journal_bytes]).hexdigest() == place.journal_sha256


def _whole_lines(lines: list[str], place: TrainingProgress) -> tuple[list[str], int]:
    """The lines up to ``place`` that hold a whole record, each place once, and the number of those that hold none."""
    kept, damaged, latest = [], 0, dict[str, tuple[int, int]]()
    for line in filter(None, (line.strip() for line in lines)):
        record = _record(line)
        if record is None:
            damaged += 1
            continue
        if _is_beyond(record, place):
            break
        kind, here = f"{record['kind']} {record.get('alert')}", (record["step"], record["epoch"])
        if here > latest.get(kind, (-1, -1)) and here[0] >= max((step for step, _ in latest.values()), default=0):
            kept.append(line)
            latest[kind] = here
    return kept, damaged


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = value_in(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    return record if all(type(record.get(key)) is int for key in ("step", "epoch")) else None


def _is_beyond(record: dict[str, Any], place: TrainingProgress) -> bool:
    """Whether a record was written after the checkpoint."""
    if record["step"] != place.step:
        return bool(record["step"] > place.step)
    # Of the checkpoint's own step: an epoch and its alerts are written before it is saved, a resume after that.
    return bool(record["kind"] == "resume" or (record["kind"] != "step" and record["epoch"] > place.epoch))
