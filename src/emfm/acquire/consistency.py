"""Whether the E and H of a target belong together at the given frequency, and which mistake it looks like if not.

In free space the curl of E on a plane is s1 times -jw mu0 Hz, that of H s2 times jw epsilon0 Ez, with s1 = s2 = 1
(`emfm.core.maxwell.fit_curls`). Mistakes of an export leave their mark on the factors: with E times e and H times h,
and fields of the frequency f' in the place of f, s1 = (e / h) (f' / f) and s2 = (h / e) (f' / f); conjugated, both are
-1; and where axes are mixed up, the curls have nothing to do with the other field.
"""

from cmath import phase
from collections.abc import Callable
from enum import Enum, auto
from math import degrees, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import TARGET_COMPONENTS, Channels, to_components
from emfm.core.constants import ETA_0, MU_0
from emfm.core.grid import Grid
from emfm.core.maxwell import FEWEST_FITTED, CurlFit, fit_curls

_TOLERANCE: Final = 0.1
"""Of abs(s - 1), besides what the fit's own misfit explains."""
_ANGLE: Final = 0.3
"""Of a factor from the real axis, rad."""
_ALIKE: Final = 0.9
"""The least agreement for which a factor says something: the curl is the other field, times a number."""
_OF_MISFIT: Final = 1.5
_LEAST_WEIGHT: Final = 0.02
"""Of a curl for its factor to count, and ..."""
_LEAST_WEIGHT_OF_MIXED: Final = 0.1
"""... for its having nothing to do with the other field to count."""
_NAMED_WITHIN: Final = 0.04

_MEASURES: Final = (
    (1 / sqrt(2), "E is in rms, H in peak values"),
    (sqrt(2), "H is in rms, E in peak values"),
    (0.5, "H is in peak-to-peak values, E in peak values"),
    (2.0, "E is in peak-to-peak values, H in peak values"),
    (1e3, "E is in mV/m, or H in kA/m"),
    (1e-3, "H is in mA/m, or E in kV/m"),
    (1e6, "E is in uV/m, or H in MA/m"),
    (1e-6, "H is in uA/m, or E in MV/m"),
    (1e9, "E is in nV/m"),
    (1e-9, "H is in nA/m"),
    (100.0, "H is in A/cm"),
    (0.01, "E is in V/cm"),
    (39.37, "H is in A/inch"),
    (1 / 39.37, "E is in V/inch"),
    (1 / MU_0, "H is B in tesla"),
    (ETA_0, "H is in units of E / eta0, or E was multiplied by it"),
    (1 / ETA_0, "H is multiplied by eta0, in V/m"),
)
"""By how much E is larger against H than it should be, and what that is."""


class _State(Enum):
    UNKNOWN = auto()
    RIGHT = auto()
    SCALED = auto()
    MIXED = auto()


def inconsistency(target: Channels, grid: Grid, frequency: float) -> str | None:
    """What is wrong with the E and H of a target ``(12, ny, nx)``, with its likely cause; None where nothing is.

    A factor counts where the curl agrees with the other field (cosine of 0.9 or more) and is no difference of larger
    terms (0.02 of them or more); it is right within 0.1 plus 1.5 times the sine that belongs to the cosine. A curl that
    has nothing to do with the other field counts where it is 0.1 of its terms or more, and the sine is above 0.25 plus
    three times the roughness over that weight, so that coarse grids, noise and low frequencies, at which curl E
    vanishes, are not taken for mistakes. Nothing is said where neither counts, and on fewer than 5 x 5 points.

    Measured, largest abs(s - 1) and least cosine of what counts: NEC cases 2.4e-4, boards of an FDTD program 2.4e-4,
    2,000 samples of the default pipeline and all other scene kinds 3.6e-4, cosine 0.9999 or more; 3 GHz on a 5 mm grid
    7 mm above elements 0.007, 5 mm above 0.08 (cosine 0.97), 3 mm above 0.5 (0.9; within its tolerance); noise of 20 dB
    0.03 (0.95).
    """
    if min(grid.shape) < FEWEST_FITTED:
        return None
    fits = fit_curls(target, grid, frequency)
    states = tuple(map(_state, fits))
    if _State.MIXED in states:
        cause = _mixed_up(target, grid, frequency)
    elif _State.SCALED in states:
        cause = _misfit(fits, states, target, frequency)
    else:
        return None
    factors = " and ".join(
        f"the curl of {field} {_number(fit.factor)} times {term}"
        for field, term, fit, state in zip("EH", ("-jw mu0 Hz", "jw epsilon0 Ez"), fits, states, strict=True)
        if state is not _State.UNKNOWN
    )
    broken = f"E and H break Maxwell's equations at {frequency / 1e9:.6g} GHz ({factors}, by least squares)"
    return f"{broken}; most likely {cause}"


def _state(fit: CurlFit) -> _State:
    misfit = sqrt(max(0.0, 1 - fit.agreement**2))
    if fit.agreement >= _ALIKE and fit.weight >= _LEAST_WEIGHT:
        near = abs(fit.factor - 1) <= _TOLERANCE + _OF_MISFIT * misfit
        return _State.RIGHT if near else _State.SCALED
    if fit.weight >= _LEAST_WEIGHT_OF_MIXED and misfit > 0.25 + 3 * fit.roughness / fit.weight:
        return _State.MIXED
    return _State.UNKNOWN


def _misfit(fits: tuple[CurlFit, CurlFit], states: tuple[_State, ...], target: Channels, frequency: float) -> str:
    """The cause where the curls are those of a field, but for factors."""
    if _State.UNKNOWN in states:
        (known,) = (fit.factor for fit, state in zip(fits, states, strict=True) if state is not _State.UNKNOWN)
        return _cause_of_one(known, target, frequency)
    if _State.RIGHT in states:
        wrong = "Hz" if states[1] is _State.RIGHT else "Ez"
        return f"{wrong} has another sign or unit than the other components; export all of them in one way"
    one, other = (fit.factor for fit in fits)
    if abs(phase(one)) > np.pi - _ANGLE and abs(phase(other)) > np.pi - _ANGLE:
        return _cause_of_signs(-one, -other, target, frequency)
    if abs(phase(one)) < _ANGLE and abs(phase(other)) < _ANGLE:
        return _cause_of_sizes(one, other, frequency)
    if abs(phase(one * other)) < _ANGLE and abs(abs(one * other) - 1) < 2 * _TOLERANCE:
        return (
            f"E and H come from different excitations or phases (E is turned by {degrees(phase(one / other)) / 2:.0f} "
            "degrees against H); export both at one phase of one excitation"
        )
    return "components have different signs, units or phases; export the fields again as complex peak phasors"


def _cause_of_one(factor: complex, target: Channels, frequency: float) -> str:
    """The cause where only one of the factors is known."""
    if abs(phase(factor)) > np.pi - _ANGLE:
        return _cause_of_signs(-factor, 1 / -factor, target, frequency)
    if abs(phase(factor)) < _ANGLE:
        return (
            "E and H are in different units or measures (rms, peak), or the case was solved at "
            f"{frequency * factor.real / 1e9:.3g} GHz; give V/m and A/m in peak values at data.frequency_hz"
        )
    return "E and H come from different excitations or phases; export both at one phase of one excitation"


def _cause_of_signs(one: complex, other: complex, target: Channels, frequency: float) -> str:
    """The cause where both factors are ``-one`` and ``-other``, which are positive."""
    if abs(one * ETA_0**2 - 1) < _NAMED_WITHIN and abs(other / ETA_0**2 - 1) < _NAMED_WITHIN:
        return "E and H are swapped; put E into the first six channels"
    sign = (
        "the time factor is exp(-iwt); conjugate all values, here it is exp(+jwt)"
        if _flows_upwards(target)
        else "E or H has the wrong sign, or x and y are swapped; turn the sign of one of them, or mend the axes"
    )
    if abs(one - 1) < 2 * _TOLERANCE and abs(other - 1) < 2 * _TOLERANCE:
        return sign
    return f"{sign}; besides, {_cause_of_sizes(one, other, frequency)}"


def _cause_of_sizes(one: complex, other: complex, frequency: float) -> str:
    """The cause where both factors are positive."""
    electric, ratio = sqrt(abs(one / other)), sqrt(abs(one * other))
    causes = []
    if abs(electric - 1) > _TOLERANCE:
        named = [text for size, text in _MEASURES if abs(electric / size - 1) < _NAMED_WITHIN]
        causes.append(
            f"{named[0] if named else 'E and H are in different units'} (E is {electric:.4g} times what goes with H); "
            "give V/m and A/m, both in peak values"
        )
    if abs(ratio - 1) > _TOLERANCE:
        causes.append(
            f"the case was solved at {ratio * frequency / 1e9:.3g} GHz; set data.frequency_hz to its frequency, or "
            "solve it at this one"
        )
    if not causes:
        causes.append("Ez or Hz is in another unit than the other components; give V/m and A/m, in peak values")
    return "; besides, ".join(causes)


def _flows_upwards(target: Channels) -> bool:
    """Whether power leaves the sources, which lie below the plane; conjugating E and H does not change it."""
    ex, ey, _, hx, hy, _ = to_components(np.asarray(target, np.float64))
    return bool(np.sum(ex * hy.conj() - ey * hx.conj()).real > 0)


Repair = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _mixed_up(target: Channels, grid: Grid, frequency: float) -> str:
    """The first mistake whose repair makes a field of the target, if any does."""
    fields = np.asarray(target, np.float64)
    empty = [
        name for name, pair in zip(TARGET_COMPONENTS, fields.reshape(-1, 2, *grid.shape), strict=True) if not pair.any()
    ]
    if empty:
        return f"{' and '.join(empty)} was not exported: it is zero everywhere; export all six components"
    for cause, repair in _repairs(grid.nx == grid.ny and grid.pitch_x == grid.pitch_y):
        states = [_state(fit) for fit in fit_curls(repair(fields), grid, frequency)]
        if _State.RIGHT in states and not {_State.SCALED, _State.MIXED} & set(states):
            return cause
    return (
        "axes, components or samples are mixed up (transposed, swapped, flipped, of another case), or points were not "
        "interpolated to one grid; compare the export with x, y and the order of the channels"
    )


def _repairs(square: bool) -> list[tuple[str, Repair]]:
    """Mistakes that mix up axes, and what undoes each."""
    parts = {"E": slice(0, 6), "H": slice(6, 12), "E and H": slice(0, 12)}
    found = [
        (f"{name} alone is conjugated; give both with exp(+jwt)", _on(parts[name], _conjugated)) for name in ("E", "H")
    ]
    if square:
        found += [
            (f"the arrays of {name} are [x, y]; transpose them to [channel, y, x]", _on(part, _transposed))
            for name, part in parts.items()
        ]
    found += [
        (f"the x and y components of {name} are swapped; put x first", _on(part, _swapped))
        for name, part in parts.items()
    ]
    for axis, text in ((1, "rows of {} run along descending y"), (2, "columns of {} run along descending x")):
        found += [
            (f"the {text.format(name)}; turn them round", _on(part, _flipped(axis))) for name, part in parts.items()
        ]
    for place, name in ((0, "Ex"), (2, "Ey"), (6, "Hx"), (8, "Hy")):
        found.append((f"{name} has the wrong sign; turn it", _on(slice(place, place + 2), np.negative)))
    return found


def _on(part: slice, change: Repair) -> Repair:
    def changed(fields: NDArray[np.float64]) -> NDArray[np.float64]:
        result = fields.copy()
        result[part] = change(fields[part])
        return result

    return changed


def _conjugated(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    signs = np.where(np.arange(len(channels)) % 2, -1.0, 1.0)
    return channels * signs[:, None, None]


def _transposed(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    return channels.swapaxes(1, 2)


def _swapped(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fields ``(6 or 12, ny, nx)`` with the first two components of each exchanged."""
    order = np.arange(len(channels)).reshape(-1, 6)[:, [2, 3, 0, 1, 4, 5]]
    return channels[order.ravel()]


def _flipped(axis: int) -> Repair:
    return lambda channels: np.flip(channels, axis)


def _number(factor: complex) -> str:
    if abs(factor.imag) <= 0.02 * abs(factor):
        return f"{factor.real:.3g}"
    return f"({factor.real:.3g}{factor.imag:+.3g}j)"
