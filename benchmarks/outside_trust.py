"""What a model says of its own error on some scans, against the truth: see trust_outside.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from outside_scans import Row
from outside_world import Scans

from emfm.core.channels import Real, to_channels
from emfm.core.errors import DataError
from emfm.core.field_errors import FieldErrors
from emfm.core.grid import Grid
from emfm.use.forward_model import ForwardModel
from emfm.use.scans import refuse_scans

TIMES: Final = 3
"""A true error of more than so many times the expected one, without a warning, is not honest."""
ENOUGH: Final = 0.8
"""A kind of scans is treated honestly if this share of them is."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Of n scans."""

    true: Real
    """``(n, 2)``: relative errors of E and of H; NaN where the scan was refused."""
    expected: Real
    """The same as the model expects it; NaN, too, where it warns."""
    warned: NDArray[np.bool_]
    """``(n,)``: which scans the model calls unlike its training."""
    refused: NDArray[np.bool_]
    """``(n,)``: which scans are not predicted from at all, such as those without phase."""

    def __len__(self) -> int:
        return len(self.true)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """``(n,)``: which scans have a field with an expected error beside it, and no warning."""
        return ~(self.warned | self.refused)

    @property
    def honest(self) -> NDArray[np.bool_]:
        """``(n,)``: refused, warned of, or as good as expected; a number that is missing without a warning is not."""
        return ~self.answered | (self.true <= TIMES * self.expected).all(1)


def ask(model: ForwardModel, scans: Scans, source: Grid, frequency: float) -> Verdicts:
    """What ``model`` says of ``scans``, which it takes to be on ``source`` at ``frequency``, Hz."""
    refused = np.array([is_refused(scan, source, frequency) for scan in scans.source_h])
    true, expected = np.full((2, len(refused), 2), np.nan)
    warned = np.zeros(len(refused), bool)
    taken = ~refused
    if taken.any():
        said = model.predict(scans.source_h[taken])
        errors = FieldErrors()
        errors.update(to_channels(np.concatenate([said.E, said.H], axis=1)), scans.target[taken])
        relative = errors.per_sample()
        true[taken] = np.stack([relative.rel_l2_e, relative.rel_l2_h], axis=1)
        warned[taken] = said.trust.unlike_training
        expected[taken] = np.stack([said.trust.expected_rel_l2_e, said.trust.expected_rel_l2_h], axis=1)
        expected[warned] = np.nan
    return Verdicts(true, expected, warned, refused)


def is_refused(scan: NDArray[np.float32], source: Grid, frequency: float) -> bool:
    """Whether the product refuses to predict from a scan ``(4, ny, nx)``."""
    try:
        refuse_scans(scan[None], ["scan"], source, frequency)
    except DataError:
        return True
    return False


def as_markdown(judged: Sequence[tuple[Row, Verdicts]], what: str) -> str:
    """The table with its summary; the first two rows are the training world, as measured and clean."""
    shown = [said for row, said in judged if row.can_be_seen]
    (_, measured), (_, clean) = judged[:2]
    lines = [
        "# Trust against truth, outside the training",
        "",
        what,
        "Relative L2 errors, E / H, medians; the expected ones of scans that are not warned of. Warned: called unlike",
        "the training. Refused: not predicted from. > 3x: neither, and a true error of E or of H above three times the",
        f"expected one. Honest: all others; {_percent(ENOUGH)} are enough.",
        "",
        f"**{sum(map(is_enough, shown))} of {len(shown)} kinds that a scan can show are treated honestly; false",
        f"warnings: {_percent(clean.warned.mean())} of clean scans of the training world, "
        f"{_percent(measured.warned.mean())} of scans as measured.**",
        "",
        "| kind of scans | scans | true | expected | warned | refused | > 3x | honest | enough |",
        "|---|---|---|---|---|---|---|---|---|",
        *(f"| {row.name} | {_figures(said)} | {_verdict(row, said)} |" for row, said in judged),
        "",
    ]
    return "\n".join(lines)


def is_enough(said: Verdicts) -> bool:
    """Whether a kind of scans is treated honestly."""
    return bool(said.honest.mean() >= ENOUGH)


def _figures(said: Verdicts) -> str:
    """The cells between the name of a row and its verdict."""
    shares = [_percent(part.mean()) for part in (said.warned, said.refused, ~said.honest, said.honest)]
    return " | ".join([str(len(said)), _medians(said.true), _medians(said.expected), *shares])


def _verdict(row: Row, said: Verdicts) -> str:
    reached = "yes" if is_enough(said) else "no"
    return reached if row.can_be_seen else f"{reached}; cannot be seen in one scan: asked for"


def _medians(errors: Real) -> str:
    """Of E and of H, where there are any."""
    known = errors[~np.isnan(errors).any(1)]
    return " / ".join(f"{value:.2g}" for value in np.median(known, axis=0)) if len(known) else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
