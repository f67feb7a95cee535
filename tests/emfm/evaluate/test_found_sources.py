"""The sparse search alone: it finds what was planted, whatever else it is asked at the same time."""

import numpy as np
import pytest

from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.evaluate.found_sources import FoundSources
from emfm.evaluate.params import SearchParams
from ttt.memo import Memo

MM = 1e-3
GEOMETRY = Geometry(5e9, Grid(-4 * MM, -4 * MM, MM, MM, 9, 9, MM), Grid(-8 * MM, -6 * MM, 2 * MM, 2 * MM, 9, 7, 5 * MM))
SEARCH = SearchParams(depth_mm=[1.0, 2.0], margin_mm=0.0, cell_mm=1.0, layers=2, rank=162, iterations=10, modes=120)


def planted(count):
    """Scans and fields of one electric and one magnetic element each."""
    rng = np.random.default_rng(0)
    scans, fields = [], []
    for _ in range(count):
        positions = rng.uniform([-3 * MM, -3 * MM, -0.8 * MM], [3 * MM, 3 * MM, -0.2 * MM], (2, 3))
        moments = rng.standard_normal((2, 6)).view(np.complex128)
        of_kind = np.array([[1.0], [0.0]])
        pair = of_kind * moments, (1 - of_kind) * ETA_0 * moments

        def on(grid, positions=positions, pair=pair):
            found = element_fields(grid.points(), positions, *pair, GEOMETRY.frequency)
            return np.concatenate([field.T for field in found]).reshape(6, *grid.shape)

        scans.append(to_channels(on(GEOMETRY.source)[3:5]))
        fields.append(to_channels(on(GEOMETRY.target)))
    return np.array(scans, np.float32), np.array(fields)


@pytest.fixture(scope="module")
def search():
    found = FoundSources(GEOMETRY, SEARCH)
    found.fit(())
    return found


def relative(prediction, truth):
    rows = (prediction - truth).reshape(len(truth), 2, -1), truth.reshape(len(truth), 2, -1)
    wrong, right = (np.linalg.norm(part, axis=2) for part in rows)
    return wrong / right


def test_planted_sources_are_found_to_a_percent(search):
    scans, fields = planted(6)
    errors = relative(search.predict(scans), fields)
    assert np.median(errors, axis=0).max() < 0.01


def test_a_scan_is_searched_alike_alone_and_beside_others(search):
    scans, _ = planted(3)
    together = search.predict(scans)
    for place in range(3):
        np.testing.assert_allclose(
            search.predict(scans[place : place + 1])[0], together[place], atol=1e-5 * np.abs(together[place]).max()
        )


def test_what_the_cells_make_is_remembered_to_the_last_bit(search, tmp_path):
    def remember(learn, dtype):
        return Memo(tmp_path).array("cells", learn, dtype)

    first, again = FoundSources(GEOMETRY, SEARCH), FoundSources(GEOMETRY, SEARCH)
    first.fit((), remember)
    again._cell_fields = None
    again.fit((), remember)
    scans, _ = planted(2)
    assert again.predict(scans).tobytes() == first.predict(scans).tobytes() == search.predict(scans).tobytes()


def test_a_scan_that_is_zero_is_refused(search):
    with pytest.raises(DataError, match="sample 2 .*source H is zero"):
        search.predict(np.stack([np.ones((4, 9, 9)), np.zeros((4, 9, 9))]))
