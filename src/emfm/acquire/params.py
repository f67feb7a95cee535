"""Section ``acquire``: where the samples come from."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from ttt.config import DECIDES_NO_MODEL, Section
from ttt.parts import register_section


class SimulateParams(Section):
    """Random scenes of currents below the source plane."""

    kind: str = Field(description="how a scene radiates: elements (its own fields) or aperture (n x H of its scan)")
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field(
        description="what is drawn: the weight of each scene kind (boards, elements, traces, loops, patches) in the "
        "draw of a family's kind; 0: never"
    )
    num_samples: int = Field(ge=1, description="rows to simulate, planted repeats included")
    kinds_samples: int = Field(
        ge=1,
        description="samples of each scene kind alone, in data/kinds, without repeats",
        json_schema_extra=DECIDES_NO_MODEL,
    )
    max_elements: int = Field(ge=1, le=64, description="a scene of kind elements has 1 to this many elements")
    half_width_mm: float = Field(gt=0, description="sources lie in |x|, |y| up to this, mm")
    depth_mm: float = Field(ge=0, description="sources lie, or hang from, between z = -depth_mm and z = 0, mm")
    segment_mm: float = Field(
        gt=0,
        description="traces, loops and patches are cut into segments up to this long, mm: short against the distance "
        "to the scan and its pitch",
    )
    electric_moment: float = Field(
        gt=0, description="scale of the complex normal electric moments I*l, A.m; the other kinds' currents follow it"
    )
    magnetic_moment_ratio: float = Field(
        gt=0, description="scale of magnetic moments K*l over eta0 times that of electric ones"
    )
    family_size: int = Field(ge=1, description="a scene family has 1 to this many members")
    position_jitter_mm: float = Field(ge=0, le=0.15, description="sigma of a member's shifts, mm")
    moment_jitter: float = Field(ge=0, description="sigma of a member's change of moments, relative")
    duplicate_share: float = Field(
        ge=0, le=0.05, description="share of planted repeats of each kind: same ID, parameters, content"
    )
    scenes: dict[str, dict[str, Any]] = Field(
        description="the own parameters of each scene kind that has any, as the kind registers them"
    )

    @pydantic.field_validator("mix")
    @classmethod
    def _something_is_drawn(cls, mix: dict[str, float]) -> dict[str, float]:
        if not any(mix.values()):
            raise ValueError("no kind has a weight above 0; give one or more to the kinds that are to be drawn")
        return mix


class ImportParams(Section):
    """Folders of solved cases."""

    roots: list[str] = Field(
        description="folders of cases, in order; add new cases as a further folder at the end, so that the "
        "held-out sets stay as they are"
    )
    reader: str = Field(
        description="auto, or the name of a case reader: csv_cases, npz_cases, solver_ascii, feko, hfss_fld"
    )
    position_tolerance_mm: float | None = Field(
        default=None,
        gt=0,
        description="a point of a file may lie this far from its grid point in x, in y and in z, mm, less than half "
        "the pitch; null: a thousandth of the pitch, as solvers round; scanners may need 0.01 and more",
    )
    accept_unphysical: bool = Field(
        default=False,
        description="take cases without phase, and such whose E and H break Maxwell's equations at data.frequency_hz, "
        "too; false: refuse them, with the likely cause",
    )

    @property
    def position_tolerance(self) -> float | None:
        """``position_tolerance_mm`` in m."""
        return None if self.position_tolerance_mm is None else self.position_tolerance_mm * 1e-3


@register_section("acquire")
class AcquireParams(Section):
    """Where the samples come from and how they are packed."""

    source: Literal["simulate", "import"] = Field(description="simulate scenes, or import solved cases")
    seed: int = Field(ge=0, description="seed of the simulation; a sample depends on it and on its row alone")
    shard_samples: int = Field(
        ge=1, description="samples in one file of the packed store", json_schema_extra=DECIDES_NO_MODEL
    )
    workers: int = Field(ge=1, description="processes at work", json_schema_extra=DECIDES_NO_MODEL)
    simulate: SimulateParams
    import_: ImportParams = Field(alias="import")

    @pydantic.model_validator(mode="after")
    def _import_names_a_folder(self) -> "AcquireParams":
        if self.source == "import" and not self.import_.roots:
            raise ValueError("source is import, but import.roots names no folder of cases")
        return self
