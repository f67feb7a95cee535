"""Whether a scan is large and fine enough for what it holds, as far as the scan itself shows it.

Where currents reach beyond a scan, no method knows them, and where they are nearer to it than its pitch, their field
aliases. Both end in predictions that are far off and look right; docs/own-data.md has what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

FEWEST_POINTS: Final = 7
"""Along each axis: on fewer, the rim is most of the scan, and few differences are left."""

_RIM: Final = 1 / 3
"""A `ScanChecks.rim_share` from which on a scan is called too small; see `check_scans` for what that finds."""
_RIM_PEAK: Final = 2 / 3
"""The same of `ScanChecks.rim_peak`."""
_PITCH_LIMIT: Final = 0.5
"""A `ScanChecks.pitch_limit_share` from which on a scan is called too coarse; see `check_scans`."""
_ORDER: Final = 4
_AT_ONCE: Final = 256
_SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class ScanChecks:
    """What scans show of their own size and pitch: numbers for one scan, arrays ``(n,)`` for several."""

    rim_share: NDArray[np.float64]
    """The median of ``|H|`` over the outermost points, relative to its rms over the scan; NaN below `FEWEST_POINTS`."""
    rim_peak: NDArray[np.float64]
    """The largest ``|H|`` of the outermost points, relative to the largest of the scan; or NaN."""
    pitch_limit_share: NDArray[np.float64]
    """Rms of what changes from point to point, as near the limit of the pitch, relative to that of the scan; or NaN."""

    @property
    def too_small(self) -> NDArray[np.bool_]:
        """Whether currents beyond the scan are likely."""
        small: NDArray[np.bool_] = (self.rim_share >= _RIM) | (self.rim_peak >= _RIM_PEAK)
        return small

    @property
    def too_coarse(self) -> NDArray[np.bool_]:
        """Whether currents nearer to the scan than its pitch are likely."""
        coarse: NDArray[np.bool_] = self.pitch_limit_share >= _PITCH_LIMIT
        return coarse

    def __getitem__(self, row: int) -> "ScanChecks":
        """Those of one scan of several."""
        return ScanChecks(self.rim_share[row], self.rim_peak[row], self.pitch_limit_share[row])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of all scans of ``parts``, of which there is one or more, in order."""
        return cls(
            *(
                np.concatenate([np.atleast_1d(getattr(part, name)) for part in parts])
                for name in ("rim_share", "rim_peak", "pitch_limit_share")
            )
        )


def check_scans(channels: NDArray[np.floating[Any]]) -> ScanChecks:
    """The checks of scans ``(n, 4, ny, nx)``, finite and not zero; neither unit nor pitch matters.

    Size. About a few currents well inside a scan the field is low along most of the rim, and so is its median there,
    though it may be high where one of them is near; about a board that goes on, it is high all round, which is the rim
    share. A single trace or current beyond the rim is seen by the peak. Measured with the limits 1/3 and 2/3: all 9
    FDTD boards with currents beyond a 10 mm scan are found (their equivalent dipoles are off by 0.17 to 0.73); with 20
    mm the one with a cable alone (0.45; the others 0.06 to 0.19), and so with 30 mm (0.27; the others 0.04 to 0.10).
    Boards that end at the rim or 1 mm inside are found, too (3 of 3; off by 0.09). Single elements at the rim or
    beyond, 1.75 mm below the scan, are all found; of scenes of 1 to 6 elements 1 to 2.5 mm below the scan 15 %
    where all are 1.5 mm or more inside the rim, 57 % where they are drawn up to it; of 12 wire structures computed by
    NEC 4, whose currents come within 0.2 mm of the rim.

    Pitch. The field of a current at the depth d falls as exp(-kt d) with its spatial frequency kt, of which a pitch p
    holds up to pi / p. A fourth difference along an axis, divided by 16, keeps sin(kt p / 2)^4 of a wave, so no window
    is needed. Measured on a pitch of 1 mm with the limit 0.5: 1 to 6 elements 0.4 / 0.7 / 0.85 / 1 / 1.25 / 1.5 mm
    below the scan are found in 99 / 92 / 82 / 81 / 10 / 0 %, where equivalent dipoles are off by 3.0 / 0.6 / 0.3 / 0.14
    / 0.11 / 0.11; FDTD boards 1 mm below a pitch of 2 mm in 8 of 13, of 1 mm (0.25 at most) and 0.5 mm in none.

    White noise alone has a pitch limit share of 0.74 and a rim share of 1. At an SNR of 30 dB and more it changes no
    verdict in a hundred, at 20 dB one in fifteen on the size; at 10 dB most scans are found too small, below 3 dB too
    coarse.
    """
    if min(channels.shape[-2:]) < FEWEST_POINTS:
        unknown = np.full(len(channels), nan)
        return ScanChecks(unknown, unknown, unknown)
    starts = range(0, max(len(channels), 1), _AT_ONCE)  # in double precision, without a copy of all of them
    return ScanChecks.joined([_checked(channels[start : start + _AT_ONCE].astype(np.float64)) for start in starts])


def scan_warnings(names: Sequence[str], checks: ScanChecks) -> list[str]:
    """What to tell the user of scans with these names: at most a sentence on their size and one on their pitch."""
    told = (
        (
            checks.too_small,
            "too small",
            "the field is high all round the rim, or nearly highest there, so that currents beyond the scan are likely "
            "and the error may be 0.2 and more, whatever is expected: scan out to beyond the board's rim",
        ),
        (
            checks.too_coarse,
            "too coarse",
            "the field changes from point to point as above currents nearer than one pitch, or as noise: take a pitch "
            "no larger than the height above the currents",
        ),
    )
    return [
        f"{len(rows)} of {len(names)} scans look {fault} ({_listed([names[row] for row in rows.tolist()])}): {remedy}; "
        "see docs/own-data.md, How large and how fine"
        for found, fault, remedy in told
        if len(rows := np.flatnonzero(found))
    ]


def _checked(scans: NDArray[np.float64]) -> ScanChecks:
    power = np.square(scans).sum(1)
    inside = np.zeros(power.shape[1:], np.bool_)
    inside[1:-1, 1:-1] = True
    rim = power[:, ~inside]
    mean = power.mean((1, 2))
    return ScanChecks(
        rim_share=np.median(np.sqrt(rim), axis=1) / np.sqrt(mean),
        rim_peak=np.sqrt(rim.max(1) / power.max((1, 2))),
        pitch_limit_share=np.sqrt((_alternating(scans, 2) + _alternating(scans, 3)) / mean),
    )


def _alternating(scans: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The mean power ``(n,)`` of what alternates along an axis of ``(n, 4, ny, nx)``, a wave of pi / p in full."""
    part = np.diff(scans, _ORDER, axis=axis) / 2**_ORDER
    power: NDArray[np.float64] = np.square(part).sum(1).mean((1, 2))
    return power


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
