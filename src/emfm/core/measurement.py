"""How a stored, clean scan is read: as an instrument would have measured it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from emfm.core.channels import SOURCE_COMPONENTS, Channels, Complex, Real, to_channels, to_components
from emfm.core.grid import Geometry
from emfm.core.sample_lists import AT_ONCE, SampleList
from emfm.core.scan_errors import ScanErrors
from ttt.config import Section

FIXED: Final = "fixed"
"""The draw of whatever sees a sample as measured once and for all: it depends on the sample's ID alone."""
AS_STORED: Final = "as stored, without errors of measurement"

_MM: Final = 1e-3
_NEPER_PER_DB: Final = np.log(10) / 20


def _in_order(values: list[float]) -> list[float]:
    if values[0] > values[-1]:
        raise ValueError("least and greatest value, in that order")
    return values


Decibels = Annotated[float, Field(ge=-60, le=200)]
Length = Annotated[float, Field(ge=0)]


class MeasurementParams(Section):
    """The errors of an instrument, drawn for each sample by its ID."""

    snr_db: Annotated[list[Decibels], Field(min_length=2, max_length=2), AfterValidator(_in_order)] | None = Field(
        description="least and greatest signal-to-noise ratio, dB below the scan's mean power; null: no noise"
    )
    probe_mm: Annotated[list[Length], Field(min_length=2, max_length=2), AfterValidator(_in_order)] = Field(
        description="least and greatest side of the square window over which the probe averages, mm; 0: a point"
    )
    position_mm: float = Field(
        ge=0, description="standard deviation of the position error of each scan point, along x and along y, mm"
    )
    height_mm: float = Field(ge=0, description="standard deviation of the height error of the whole scan, mm")
    gain_db: float = Field(
        ge=0,
        description="standard deviation of the gain error of Hx and of Hy, each by itself, and of its drift from the "
        "first line of the scan (least y) to the last, dB",
    )
    phase_deg: float = Field(ge=0, description="the same of the phase, degrees")
    redraw: bool = Field(
        description="training steps see another draw of each sample in each epoch; false: the one that all else sees, "
        "so that a GPU can keep the samples. pod_net and linear_operator compute from the one draw either way"
    )

    @property
    def is_off(self) -> bool:
        """Whether scans stay as they are stored."""
        return self.snr_db is None and not any(
            (*self.probe_mm, self.position_mm, self.height_mm, self.gain_db, self.phase_deg)
        )

    def refuse_beyond(self, pitch_mm: float) -> None:
        """Raise ValueError for errors of place of which the points of a scan say nothing."""
        for name, limit in (("position_mm", pitch_mm / 4), ("height_mm", pitch_mm / 10)):
            if getattr(self, name) > limit:
                raise ValueError(
                    f"measurement.{name} is {getattr(self, name):g}; allowed: up to {limit:g} for a "
                    f"source_plane.pitch_mm of {pitch_mm:g}, as the scan is known at its points alone"
                )

    def described(self) -> str:
        """The errors in a sentence, without those that are zero."""
        low, high = self.probe_mm
        parts = [
            f"noise {self.snr_db[0]:g} to {self.snr_db[1]:g} dB below the scan" if self.snr_db is not None else "",
            f"averaged over a probe of {low:g} to {high:g} mm" if high else "",
            f"points off by {self.position_mm:g} mm" if self.position_mm else "",
            f"height off by {self.height_mm:g} mm" if self.height_mm else "",
            f"gain of Hx and of Hy off by {self.gain_db:g} dB" if self.gain_db else "",
            f"phase of Hx and of Hy off by {self.phase_deg:g} degrees" if self.phase_deg else "",
        ]
        return ", ".join(filter(None, parts))


def epoch_draw(seed: int, epoch: int) -> str:
    """The draw that the steps of an epoch see, in a training with ``seed``."""
    return f"seed {seed}, epoch {epoch}"


class _Drawn(NamedTuple):
    """The random numbers of n samples: uniform in 0 to 1 (snr, window), the others standard normal."""

    snr: Real
    window: Real
    height: Real
    gain: Real
    """``(n, 2, c)``: constant and drift of each component."""
    phase: Real
    position: Real
    """``(n, 2, ny, nx)``: along x and along y."""
    noise: Real
    """``(n, 2 c, ny, nx)``."""


class Measurement:
    """Reads scans as measured; a sample's draw depends on its ID and the draw's name, not on the samples beside it."""

    def __init__(self, params: MeasurementParams, geometry: Geometry) -> None:
        self._params, self._grid = params, geometry.source
        self._errors = ScanErrors(geometry.source, geometry.wavenumber)
        self.identity = f"measured {params.model_dump_json(exclude={'redraw'})}"
        """Names all that a draw depends on besides its sample and name."""
        self.described = params.described()
        self.redraws = params.redraw
        """Whether training steps see a draw of their own in each epoch."""

    @classmethod
    def of(cls, params: MeasurementParams | None, geometry: Geometry) -> "Measurement | None":
        """None where scans stay as they are stored."""
        return None if params is None or params.is_off else cls(params, geometry)

    def read(self, source_h: NDArray[np.float32], ids: Sequence[str], draw: str = FIXED) -> NDArray[np.float32]:
        """Scans ``(n, 4, ny, nx)``, A/m, as measured; ``draw`` names the draw.

        In this order: another height and the average over the probe's window, displaced points, gain and phase, noise.
        """
        drawn, params = self._drawn(ids, draw), self._params
        scans: Complex = np.asarray(to_components(source_h.astype(np.float64)), np.complex128)
        if params.height_mm or params.probe_mm[1]:
            window = _between(params.probe_mm, drawn.window)
            scans = self._errors.lifted_and_averaged(scans, params.height_mm * _MM * drawn.height, window * _MM)
        if params.position_mm:
            dx, dy = params.position_mm * _MM * drawn.position.swapaxes(0, 1)
            scans = self._errors.displaced(scans, dx, dy)
        if params.gain_db or params.phase_deg:
            scans = scans * self._factors(drawn)
        measured = to_channels(scans)
        if params.snr_db is not None:
            measured = measured + _noise(measured, _between(params.snr_db, drawn.snr), drawn.noise)
        return measured.astype(np.float32)

    def _factors(self, drawn: _Drawn) -> Complex:
        """Complex factors of gain and phase, ``(n, c, ny, 1)``."""
        progress = np.linspace(-0.5, 0.5, self._grid.ny)
        gain, phase = (part[:, 0, :, None] + part[:, 1, :, None] * progress for part in (drawn.gain, drawn.phase))
        exponent = self._params.gain_db * _NEPER_PER_DB * gain + 1j * np.deg2rad(self._params.phase_deg) * phase
        return np.asarray(np.exp(exponent)[..., None])

    def _drawn(self, ids: Sequence[str], draw: str) -> _Drawn:
        """All numbers are drawn whatever the parameters are: so each error stays when another is switched off."""
        components, shape = len(SOURCE_COMPONENTS), self._grid.shape
        points = shape[0] * shape[1]
        uniform = np.empty((len(ids), 2))
        normal = np.empty((len(ids), 1 + 4 * components + (2 + 2 * components) * points))
        bits = np.random.PCG64(0)
        rng, state = np.random.Generator(bits), bits.state
        for place, sample in enumerate(ids):
            state["state"]["state"], state["state"]["inc"] = _seed(sample, draw)
            bits.state = state
            rng.random(out=uniform[place])
            rng.standard_normal(out=normal[place])
        sizes = (1, 2 * components, 2 * components, 2 * points)
        height, gain, phase, position, noise = np.split(normal, np.cumsum(sizes), axis=1)
        return _Drawn(
            uniform[:, 0],
            uniform[:, 1],
            height[:, 0],
            gain.reshape(-1, 2, components),
            phase.reshape(-1, 2, components),
            position.reshape(-1, 2, *shape),
            noise.reshape(-1, 2 * components, *shape),
        )


@dataclass(frozen=True)
class MeasuredSamples:
    """The samples of a list with their scans as measured, in the one draw of each that does not change."""

    samples: SampleList
    measurement: Measurement | None
    """None: as stored."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return self.samples.ids

    @property
    def geometry(self) -> Geometry:
        """Frequency and planes of the samples."""
        return self.samples.geometry

    @cached_property
    def digest(self) -> str:
        """Identity of the samples' content and order, and of how they are measured."""
        return measured_identity(self.samples, self.measurement)

    def spread(self, count: int) -> "MeasuredSamples":
        """So many of the samples, spread over all: see `emfm.core.sample_lists.SampleList.spread`."""
        return MeasuredSamples(self.samples.spread(count), self.measurement)

    def batches(self, size: int = AT_ONCE) -> Iterator[tuple[NDArray[np.float32], Channels]]:
        """Source H as measured, and target, ``size`` samples at a time."""
        done = 0
        for source_h, target in self.samples.batches(size):
            ids = self.ids[done : done + len(source_h)]
            yield source_h if self.measurement is None else self.measurement.read(source_h, ids), target
            done += len(source_h)


def described(measurement: Measurement | None) -> str:
    """How scans are read, in a sentence."""
    return AS_STORED if measurement is None else f"as measured: {measurement.described}"


def measured_identity(samples: SampleList, measurement: Measurement | None, draw: str = FIXED) -> str:
    """Identity of the content and the order of samples as they are read."""
    return samples.digest if measurement is None else f"{samples.digest} {measurement.identity} {draw}"


def _seed(sample: str, draw: str) -> tuple[int, int]:
    """State and increment of PCG64 for the sample's own random numbers in a draw: faster set than seeded."""
    digest = hashlib.sha256(f"{draw}: {sample}".encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:]) | 1  # an increment is odd


def _between(limits: Sequence[float], share: Real) -> Real:
    """Uniformly distributed between two limits."""
    low, high = limits
    return low + (high - low) * share


def _noise(measured: Channels, snr_db: Real, normal: Real) -> Real:
    """White noise so many dB below each scan's mean power; each real channel takes half of a component's."""
    power = np.square(measured).reshape(len(measured), -1).mean(1) * 10 ** (-snr_db / 10)
    return np.asarray(np.sqrt(power)[:, None, None, None] * normal)
