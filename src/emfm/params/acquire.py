"""Section ``acquire``: where the samples come from."""

from typing import Literal

import pydantic
from pydantic import Field

from ttt.config import Section


class SimulateParams(Section):
    """Random scenes of current elements below the source plane."""

    kind: str = Field(description="how a scene radiates: elements (its own fields) or aperture (n x H of its scan)")
    num_samples: int = Field(ge=1, description="rows to simulate, planted repeats included")
    max_elements: int = Field(ge=1, le=64, description="a scene has 1 to this many elements")
    half_width_mm: float = Field(gt=0, description="elements lie in |x|, |y| up to this, mm")
    depth_mm: float = Field(ge=0, description="elements lie between z = -depth_mm and z = 0, mm")
    electric_moment: float = Field(gt=0, description="scale of the complex normal electric moments I*l, A.m")
    magnetic_moment_ratio: float = Field(
        gt=0, description="scale of magnetic moments K*l over eta0 times that of electric ones"
    )
    family_size: int = Field(ge=1, description="a scene family has 1 to this many members")
    position_jitter_mm: float = Field(ge=0, le=0.15, description="sigma of a member's shifts, mm")
    moment_jitter: float = Field(ge=0, description="sigma of a member's change of moments, relative")
    duplicate_share: float = Field(
        ge=0, le=0.05, description="share of planted repeats of each kind: same ID, parameters, content"
    )


class ImportParams(Section):
    """Folders of solved cases."""

    roots: list[str] = Field(
        description="folders of cases, in order; add new cases as a further folder at the end, so that the "
        "held-out sets stay as they are"
    )
    reader: str = Field(description="auto, or the name of a case reader: csv_cases, npz_cases, solver_ascii")


class AcquireParams(Section):
    """Where the samples come from and how they are packed."""

    source: Literal["simulate", "import"] = Field(description="simulate scenes, or import solved cases")
    seed: int = Field(ge=0, description="seed of the simulation; a sample depends on it and on its row alone")
    shard_samples: int = Field(ge=1, description="samples in one file of the packed store")
    workers: int = Field(ge=1, description="processes at work; the result does not depend on it")
    simulate: SimulateParams
    import_: ImportParams = Field(alias="import")

    @pydantic.model_validator(mode="after")
    def _import_names_a_folder(self) -> "AcquireParams":
        if self.source == "import" and not self.import_.roots:
            raise ValueError("source is import, but import.roots names no folder of cases")
        return self
