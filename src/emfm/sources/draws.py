"""Elements as they may just as well be: drawn from how well a scan tells them apart.

What a scan says of one element depends on the others: of two near each other it tells the sum of their moments well and
the difference badly. Drawn one by one, each by its own covariance, they would make fields that the scan excludes. So
they are drawn together.
"""

import numpy as np

from emfm.sources.found import FREEDOMS, CurrentElements, PointSources


class Draws:
    """Of the elements of one search, without its background."""

    def __init__(self, sources: PointSources) -> None:
        self._sources = sources
        spread = sources.spread.ravel()
        scale = np.where(spread > 0, spread, 1.0)
        values, vectors = np.linalg.eigh(sources.covariance / np.outer(scale, scale))
        self._root = scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))

    def elements(self, rng: np.random.Generator) -> CurrentElements:
        """One draw."""
        sources = self._sources
        drawn = (self._root @ rng.standard_normal(self._root.shape[1])).reshape(-1, FREEDOMS)
        moments = sources.moments + drawn[:, 3:6] + 1j * drawn[:, 6:9]
        magnetic = sources.magnetic[:, None]
        return CurrentElements(
            sources.positions + drawn[:, :3],
            np.where(magnetic, 0.0, moments),
            np.where(magnetic, moments, 0.0),
            sources.frequency,
        )
