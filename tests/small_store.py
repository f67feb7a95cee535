"""Small packed stores of fields of single current elements, for tests that need samples in a store."""

from dataclasses import dataclass

import numpy as np

from emfm.acquire.pack import pack
from emfm.core.channels import to_channels
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from emfm.core.sample import Sample
from emfm.core.store import Store

GEOMETRY = Geometry(5e9, Grid(-2e-3, -1e-3, 1e-3, 1e-3, 5, 3, 1e-3), Grid(-3e-3, -2e-3, 1e-3, 1e-3, 7, 5, 5e-3))


@dataclass(frozen=True)
class SingleElements:
    """A sample a row: an oblique element at a random place; its family and parameters are given."""

    families: list[str]
    parameter_names: tuple[str, ...] = ()
    parameters: tuple[tuple[float, ...], ...] = ()
    geometry: Geometry = GEOMETRY

    def __len__(self):
        return len(self.families)

    def sample(self, row):
        rng = np.random.default_rng(row)
        position, moment = rng.uniform([-2e-3, -1e-3, -1e-3], [2e-3, 1e-3, 0]), rng.normal(size=(1, 3))

        def on(grid):
            fields = element_fields(grid.points(), [position], 1e-3 * moment, 0.1 * moment[:, ::-1], 5e9)
            return np.concatenate([field.T for field in fields]).reshape(6, *grid.shape)

        return Sample(
            id=f"s{row}",
            family=self.families[row],
            source_h=to_channels(on(self.geometry.source)[3:5]).astype(np.float32),
            target=to_channels(on(self.geometry.target)).astype(np.float32),
            parameters=np.array(self.parameters[row] if self.parameters else []),
        )


def packed(source, folder):
    """The store of ``source`` in ``folder``."""
    pack(source, source.geometry, "test", folder, folder.with_suffix(".work"), shard_samples=8, workers=1)
    return Store(folder)
